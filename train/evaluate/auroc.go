package evaluate

import (
	"math"
	"slices"
)

// AUROC returns how well a score tells others from usual ones: the area under the receiver operating characteristic, which is the
// probability that one of others, drawn at random, has a higher score than one of usual, where equal scores count half. That is the
// statistic of Mann and Whitney, divided by its maximum (Hanley and McNeil, Radiology 143, 1982):
//
//	AUROC = 1/(n·m) · Σᵢ Σⱼ ( [othersᵢ > usualⱼ] + ½·[othersᵢ = usualⱼ] )
//
// 1 tells all apart, 0.5 none, and below it the others have the lower scores. It is exact but for the division, in O((n+m)·log(n+m)), and
// leaves its arguments as they are. It is NaN where one of them is empty or holds a NaN.
func AUROC(usual, others []float64) float64 {
	if len(usual) == 0 || len(others) == 0 || slices.ContainsFunc(usual, math.IsNaN) || slices.ContainsFunc(others, math.IsNaN) {
		return math.NaN()
	}
	usual, others = slices.Sorted(slices.Values(usual)), slices.Sorted(slices.Values(others))
	var below, upTo int // of usual: those that are lower than the score at hand, and those that are no higher
	var halves int64    // of 1: twice the double sum
	for _, score := range others {
		for below < len(usual) && usual[below] < score {
			below++
		}
		for upTo < len(usual) && usual[upTo] <= score {
			upTo++
		}
		halves += int64(below + upTo)
	}
	return float64(halves) / (2 * float64(len(usual)) * float64(len(others)))
}
