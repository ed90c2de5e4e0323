package evaluate

import (
	"fmt"
	"math"
)

// Agreement says how far clusters, found without labels, agree with labels. Which number a cluster has plays no part.
type Agreement struct {
	// Accuracy is the share of images whose cluster stands for their label, where each cluster may stand for one label and each label
	// for one cluster, as it is best (Xie, Girshick and Farhadi, arXiv:1511.06335, eq. 10): from 0 to 1.
	Accuracy float64

	// NMI is the normalized mutual information, I(U; V) / ½(H(U) + H(V)), of clusters U and labels V (Strehl and Ghosh, JMLR 3, 2002,
	// with the arithmetic mean): from 0 to 1. Where there is one cluster and one label it is 1.
	NMI float64

	// ARI is the adjusted Rand index (Hubert and Arabie, Journal of Classification 2, 1985): the share of pairs of images on which
	// clusters and labels agree, in such units that 1 is all and 0 what chance would give; it may be negative.
	ARI float64
}

// Agree compares the clusters of images, which are numbered from 0, with their labels. The error says which of the clusters is no
// number, that there are not as many as labels, or that there are none.
func Agree(clusters []int, labels []byte) (Agreement, error) {
	if len(clusters) != len(labels) || len(labels) == 0 {
		return Agreement{}, fmt.Errorf("evaluate: %d clusters and %d labels, want one of each for each image", len(clusters), len(labels))
	}
	t, err := tabulate(clusters, labels)
	if err != nil {
		return Agreement{}, err
	}
	return Agreement{Accuracy: t.accuracy(), NMI: t.nmi(), ARI: t.ari()}, nil
}

// table counts images by cluster and label: the contingency table.
type table struct {
	n                 int
	counts            [][]int // [clusters, labels]
	clusters, classes []int   // its sums
}

// tabulate counts. Clusters get a row in the order in which they first appear, whatever their numbers are.
func tabulate(clusters []int, labels []byte) (*table, error) {
	t, classes := &table{n: len(labels)}, 0
	for _, label := range labels {
		classes = max(classes, 1+int(label))
	}
	t.classes = make([]int, classes)
	rows := make(map[int]int)
	for i, cluster := range clusters {
		if cluster < 0 {
			return nil, fmt.Errorf("evaluate: the cluster of image %d is %d, want numbers from 0 on", i, cluster)
		}
		row, ok := rows[cluster]
		if !ok {
			row = len(t.counts)
			rows[cluster] = row
			t.counts, t.clusters = append(t.counts, make([]int, classes)), append(t.clusters, 0)
		}
		t.counts[row][labels[i]]++
		t.clusters[row]++
		t.classes[labels[i]]++
	}
	return t, nil
}

func (t *table) accuracy() float64 {
	gains := t.counts
	if len(t.clusters) > len(t.classes) { // each row is to have a column
		gains = make([][]int, len(t.classes))
		for label := range gains {
			for cluster := range t.counts {
				gains[label] = append(gains[label], t.counts[cluster][label])
			}
		}
	}
	right := 0
	for row, column := range assign(gains) {
		right += gains[row][column]
	}
	return float64(right) / float64(t.n)
}

func (t *table) nmi() float64 {
	entropies := t.entropy(t.clusters) + t.entropy(t.classes)
	if entropies == 0 { // one cluster and one label
		return 1
	}
	n, information := float64(t.n), 0.0
	for cluster, row := range t.counts {
		for label, count := range row {
			if count > 0 {
				information += float64(count) / n * math.Log(n*float64(count)/(float64(t.clusters[cluster])*float64(t.classes[label])))
			}
		}
	}
	return min(1, max(0, 2*information/entropies)) // rounding aside
}

// entropy returns −Σ p·log p over the shares that the counts are of all.
func (t *table) entropy(counts []int) (entropy float64) {
	for _, count := range counts {
		if count > 0 {
			p := float64(count) / float64(t.n)
			entropy -= p * math.Log(p)
		}
	}
	return entropy
}

// ari returns (index − expected) / (maximum − expected), the index being how many pairs of images are together in both.
func (t *table) ari() float64 {
	index := 0.0
	for _, row := range t.counts {
		index += pairs(row)
	}
	inClusters, inClasses := pairs(t.clusters), pairs(t.classes)
	if index == inClusters && index == inClasses { // the two are the same, which includes those where chance gives nothing else
		return 1
	}
	expected := inClusters * inClasses / pairs([]int{t.n})
	return (index - expected) / ((inClusters+inClasses)/2 - expected)
}

// pairs returns how many pairs are within one of the groups that have so many members.
func pairs(groups []int) (pairs float64) {
	for _, members := range groups {
		pairs += float64(members) * float64(members-1) / 2
	}
	return pairs
}
