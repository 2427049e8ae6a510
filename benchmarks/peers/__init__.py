"""Aisle beside the methods that people use instead: the same offers, the same run, each as it is used.

    python -m benchmarks.peers [--quick]

Three catalogues: WDC on level 3 (official test file), PriceRunner (offers of one physical product
never straddle the split) and the sample (seed 0; its labels are what its people said, wrong ones
included, and all methods are measured on them, as a user would). Every method is trained on the
training and validation rows together; one that calibrates holds back what it needs out of these.

- The methods' confidence is what their users take: the greatest probability, or the softmax of the
  margins (four times the margin) of a linear SVM. Aisle's is its own, as `params.yaml` ships it.
- coverage@a is the largest share of products that can be accepted, most confident first, with an
  accuracy of at least a among them: a reading with hindsight. gap is the mean distance of the
  accuracy-coverage curve from that of a perfect ordering of the same predictions. ece is the
  calibration error, in 15 bins of equal count.
- Fit seconds are by the clock, the process having nothing else to do; Aisle and the linear SVM that
  its time is compared with fit one after the other. Aisle fits on two cores, as `make run` does, and
  its time includes its cross-fitting. Scoring is timed on one core, confidence included, in batches
  of 1,000: the median batch.
- Test rows of the sample that were drawn with unequal probability weigh by what they stand for, for
  all methods alike.
- Settings of peers were chosen on WDC's validation file, none on the test.

`--quick` runs a few methods on a small sample alone.
"""
