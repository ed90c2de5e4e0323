// Command gmmfit fits a mixture by model/gmm to arrays that NumPy has written, from given responsibilities, and prints how long an
// iteration took and what came out, as JSON. bench/gmm_peer.py runs it beside scikit-learn.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"codeberg.org/sbinet/npyio/npy"
	"gonum.org/v1/gonum/mat"

	"govae/internal/files"
	"govae/model/gmm"
)

// result is what bench/gmm_peer.py reads. Seconds are those of the whole fit.
type result struct {
	Iterations    int       `json:"iterations"`
	Seconds       float64   `json:"seconds"`
	LogLikelihood float64   `json:"log_likelihood"` // the mean
	Weights       []float64 `json:"weights"`
	Means         []float64 `json:"means"`
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("gmmfit: ")
	o := gmm.DefaultOptions()
	o.Tolerance = 0
	flag.IntVar(&o.MaxIterations, "iterations", 10, "iterations of EM")
	flag.StringVar((*string)(&o.Covariance), "covariance", string(gmm.Full), "what the covariances may be")
	x := flag.String("x", "", "the rows, [n, d], a .npy file of float64")
	start := flag.String("start", "", "the responsibilities to start from, [n, components], a .npy file of float64")
	flag.Parse()

	r, err := measure(*x, *start, o)
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		log.Fatal(err)
	}
}

func measure(xPath, startPath string, o gmm.Options) (result, error) {
	x, err := read(xPath)
	if err != nil {
		return result{}, err
	}
	start, err := read(startPath)
	if err != nil {
		return result{}, err
	}
	_, o.Components = start.Dims()
	began := time.Now()
	m, err := gmm.FitFrom(x, start, o)
	if err != nil {
		return result{}, err
	}
	took, trace := time.Since(began), m.Trace()
	return result{
		Iterations:    len(trace) - 1,
		Seconds:       took.Seconds(),
		LogLikelihood: trace[len(trace)-1],
		Weights:       m.Weights(),
		Means:         m.Means().RawMatrix().Data,
	}, nil
}

func read(path string) (*mat.Dense, error) {
	file, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	m := new(mat.Dense)
	if err := npy.Read(file, m); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}
