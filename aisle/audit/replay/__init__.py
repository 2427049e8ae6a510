"""The feedback loop, replayed on a catalogue whose right categories are known.

Products come in order of time, a round at a time. A model scores them, a threshold decides, people answer,
the model learns from what its regime allows, and the threshold is chosen again from those same labels. Out comes
what nobody sees in production: what the loop believes of itself, and what is true.

    settings    what is replayed
    order       the catalogue, in order of time
    people      who answers, and how often they err
    rates       active audits: more where the model is unsure
    asking      what people are asked in a round, at what cost, and with what probability
    regimes     what a regime trains on
    thresholds  how a regime chooses its threshold from its own labels
    referee     audits and the alarm
    rounds      one round after the other, of one regime
    results     what a round gave, written and read
    summary     what many rounds come to
    running     all seeds and regimes, to be interrupted at any time
"""
