from pathlib import Path
ROOT=Path("/work/main")
from tests.desk.labelling.test_screen import *
DESC="Cordless drill driver with two 18 V lithium batteries, charger and a case. 13 mm keyless chuck, 60 Nm, two gears, LED light. " * 4
def test_pics(window, person, tree):
    tree.write_text((ROOT/"data/taxonomy.csv").read_text()) 
    import desk.ledger.models as m
    from tests.desk.labelling import items
    items.ALTERNATIVES[:] = [["tools.cordless-drills",.6],["tools.hammer-drills",.2],["tools.drill-bits",.1],["tools.power-saws",.05]]+[["tools.screwdrivers",.01]]
    ids=[l.split(",")[0] for l in tree.read_text().splitlines()[1:] if "." in l.split(",")[0]]
    items.ALTERNATIVES[:] = [[i,.1] for i in ids[:6]]
    kw=dict(description=DESC,brand="Makita",seller_category="Home > Garden & DIY > Power Tools > Drills",price=129.9,currency="EUR",seller="bolts-and-more")
    for role,name,blind in (("labeller","ada",False),("labeller","blindy",True)):
        pass
    for scheme in ("light","dark"):
        for w,h in ((1280,900),(360,720),(800,900)):
            m.Task.objects.filter(state__in=["open","claimed"]).update(state="superseded")
            for _ in range(3): ask("review",ids[0],title="Makita DHP482 18V LXT cordless combi drill, 2 x 5.0 Ah, case, BL1850B",audit=False,**kw)
            s=window(name="ada",width=w,height=h,color_scheme=scheme,has_touch=w<500,is_mobile=w<500)
            s.page.wait_for_selector("#item:not([hidden])"); s.page.wait_for_timeout(400)
            tag=f"/tmp/aisle/D2/{scheme}-{w}"
            s.page.screenshot(path=tag+"-ask.png")
            s.page.locator("#search").fill("hammr"); s.page.wait_for_timeout(600); s.page.screenshot(path=tag+"-search.png")
            s.page.locator("#search").fill("");s.page.locator("#cannot").click(); s.page.wait_for_timeout(300); s.page.screenshot(path=tag+"-skip.png")
            s.page.locator("#skip button").nth(1).click(); s.page.wait_for_timeout(500)
            s.page.locator("#alternatives button").nth(2).click(); s.page.wait_for_timeout(500)
            m.Task.objects.filter(state__in=["open","claimed"]).update(state="superseded")
            t=ask(category_id=ids[0],title="Makita DHP482 blind", blind=True,**kw)
            s.page.reload(); s.page.wait_for_timeout(900); s.page.screenshot(path=tag+"-blind.png")
            say(t,person("labeller","x1"),ids[3],note="the photo shows a saw"); say(look_again(t),person("labeller","x2"),ids[5])
            s2=window("reviewer",width=w,height=h,color_scheme=scheme); s2.page.wait_for_timeout(900); s2.page.screenshot(path=tag+"-adj.png")
            s.page.goto("/label/mine/"); s.page.wait_for_timeout(300); s.page.screenshot(path=tag+"-mine.png",full_page=True)
            s2.page.close()
