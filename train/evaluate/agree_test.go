package evaluate

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// reference is what testdata/reference.py has written.
type reference struct {
	Agreements []struct {
		Clusters, Labels   []int
		Accuracy, NMI, ARI float64
	}
	AUROCs []struct {
		Usual, Others []float64
		AUROC         float64
	}
	Frechets []struct {
		A, B     [][]float64
		Distance float64
	}
}

func readReference(t *testing.T) (r reference) {
	t.Helper()
	text, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func wantNear(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func bytesOf(values []int) []byte {
	labels := make([]byte, len(values))
	for i, v := range values {
		labels[i] = byte(v)
	}
	return labels
}

func wantAgreement(t *testing.T, clusters, labels []int, want Agreement) {
	t.Helper()
	got, err := Agree(clusters, bytesOf(labels))
	if err != nil {
		t.Fatal(err)
	}
	wantNear(t, "accuracy", got.Accuracy, want.Accuracy, 1e-15)
	wantNear(t, "NMI", got.NMI, want.NMI, 1e-12)
	wantNear(t, "ARI", got.ARI, want.ARI, 1e-12)
}

func TestAgreeAgainstScikitLearn(t *testing.T) {
	cases := readReference(t).Agreements
	if len(cases) != 8 {
		t.Fatalf("there are %d cases, want 8", len(cases))
	}
	for _, c := range cases {
		wantAgreement(t, c.Clusters, c.Labels, Agreement{c.Accuracy, c.NMI, c.ARI})
	}
}

// TestAgreeInClosedForm takes cases that can be worked out by hand.
func TestAgreeInClosedForm(t *testing.T) {
	// The same under other numbers, one of them large.
	wantAgreement(t, []int{2, 2, 0, 0, 1 << 40}, []int{7, 7, 1, 1, 255}, Agreement{1, 1, 1})
	// Independent halves: of 6 pairs, 2 are together in each and none in both. Chance gives 2·2/6, so (0 − ⅔) / (2 − ⅔) = −½.
	wantAgreement(t, []int{0, 0, 1, 1}, []int{0, 1, 0, 1}, Agreement{0.5, 0, -0.5})
	// One cluster holds two labels and the other one: I = H(clusters) = log 2, H(labels) = 1.5·log 2.
	wantAgreement(t, []int{0, 0, 1, 1}, []int{0, 0, 1, 2}, Agreement{0.75, 1 / 1.25, 4.0 / 7})
	// One cluster says nothing.
	wantAgreement(t, []int{3, 3, 3, 3}, []int{0, 0, 0, 1}, Agreement{0.75, 0, 0})
	// Nor do as many as there are images.
	wantAgreement(t, []int{0, 1, 2, 3}, []int{5, 5, 5, 5}, Agreement{0.25, 0, 0})
	// The best pairs are not those that a greedy choice takes, which begins with the 3 of the table [[3, 2], [2, 0]]: 2 + 2 > 3 + 0. Both
	// sides have shares of 5/7 and 2/7. Of 21 pairs 3 + 1 + 1 are together in both and 10 + 1 in each.
	entropy := -5.0/7*math.Log(5.0/7) - 2.0/7*math.Log(2.0/7)
	information := 3.0/7*math.Log(7*3.0/25) + 4.0/7*math.Log(7*2.0/10)
	wantAgreement(t, []int{0, 0, 0, 0, 0, 1, 1}, []int{0, 0, 0, 1, 1, 0, 0}, Agreement{4.0 / 7, information / entropy, (5 - 121.0/21) / (11 - 121.0/21)})
}

func TestAgreeErrors(t *testing.T) {
	for _, test := range []struct {
		clusters []int
		labels   []byte
		want     string
	}{
		{nil, nil, "0 clusters and 0 labels"},
		{[]int{1}, nil, "1 clusters and 0 labels"},
		{[]int{1}, []byte{1, 2}, "1 clusters and 2 labels"},
		{[]int{0, -1}, []byte{1, 2}, "the cluster of image 1 is -1"},
	} {
		if _, err := Agree(test.clusters, test.labels); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got error %v, want %q", err, test.want)
		}
	}
}

// best returns the largest sum of gains by trying every assignment of the rows from one on.
func best(gains [][]int, row int, taken []bool) int {
	if row == len(gains) {
		return 0
	}
	most := math.MinInt
	for column, gain := range gains[row] {
		if !taken[column] {
			taken[column] = true
			most = max(most, gain+best(gains, row+1, taken))
			taken[column] = false
		}
	}
	return most
}

// TestAssign compares assignments with the best of all, for matrices of every shape up to 6×7, with many equal gains among them.
func TestAssign(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		for rows := 1; rows <= 6; rows++ {
			for columns := rows; columns <= 7; columns++ {
				gains, spread := make([][]int, rows), 1+random.IntN(30)
				for row := range gains {
					for range columns {
						gains[row] = append(gains[row], random.IntN(spread)-spread/3)
					}
				}
				sum, taken := 0, make(map[int]bool)
				for row, column := range assign(gains) {
					sum += gains[row][column]
					taken[column] = true
				}
				if want := best(gains, 0, make([]bool, columns)); sum != want || len(taken) != rows {
					t.Fatalf("of %v it takes columns %v with a sum of %d, want %d columns and %d", gains, assign(gains), sum, rows, want)
				}
			}
		}
	}
}
