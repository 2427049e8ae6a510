// The part of a page that changes is fetched again every few seconds; a file that is too large is told at once.

const changing = document.getElementById("now");
if (changing?.dataset.address) {
  const pause = changing.dataset.fast === undefined ? 5000 : 1000;
  const whole = changing.dataset.fast !== undefined;
  setTimeout(look, pause);

  async function look() {
    try {
      if (!document.hidden) {
        const answer = await fetch(changing.dataset.address, { credentials: "same-origin", redirect: "error" });
        if (answer.ok) {
          const text = await answer.text();
          if (!whole) {
            changing.innerHTML = text;
          } else {
            const fresh = new DOMParser().parseFromString(text, "text/html");
            document.querySelector("main").replaceChildren(...fresh.querySelector("main").children);
            if (fresh.querySelector("#now[data-address]")) setTimeout(look, pause);
            return;
          }
        }
      }
    } catch {
      // The desk is out of reach: what is shown stays, and the next look may find it.
    }
    setTimeout(look, pause);
  }
}

const file = document.getElementById("file");
file?.addEventListener("change", () => {
  const most = Number(file.dataset.most);
  const large = file.files[0] && file.files[0].size > most;
  const said = large ? `The file is larger than ${most >> 20} MB; split it, or use aisle desk load.` : "";
  document.getElementById("mistake").textContent = said;
  file.setCustomValidity(said);
});
