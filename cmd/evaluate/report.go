package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"govae/cmd/internal/trained"
	"govae/internal/words"
	"govae/train/evaluate"
)

// printModel says what is evaluated.
func printModel(m *trained.Model, stdout io.Writer) {
	cfg := m.Config()
	fmt.Fprintf(stdout, "model    %s, %s parameters\n", cfg, words.Thousands(cfg.ParameterCount()))
	fmt.Fprintf(stdout, "weights  %s\n", words.Printable(m.Path))
	fmt.Fprintf(stdout, "device   %s\n", m.Device())
}

// The width of the columns of a table.
const (
	titleWidth  = 20
	numberWidth = 12
)

// printSet prints what was measured on one set.
func (o options) printSet(s *measured, stdout io.Writer) {
	if s.Images == 0 {
		return
	}
	fmt.Fprintf(stdout, "\n%s, %s of %v", s.name, words.Counted(s.images.Len(), string(o.split)+" image"), s.images.Shape)
	if s.Images < s.images.Len() {
		fmt.Fprintf(stdout, ", interrupted: %s", s.how())
	}
	fmt.Fprint(stdout, "\n\n")

	heading := "nats per image"
	if loss := s.Terms[0]; loss.Formula != "" {
		heading += fmt.Sprintf(", %s = %s", loss.Name, withoutBeta(loss.Formula))
	}
	fmt.Fprintf(stdout, "  %*s%*s%*s  %s\n", -titleWidth, "", numberWidth, "mean", numberWidth, "std. error", heading)
	for k, term := range s.Terms {
		fmt.Fprintf(stdout, "  %*s%*.3f%s\n", -titleWidth, term.Title, numberWidth, s.Mean[k], deviation(s.Result, k))
	}
	if s.Images > 1 {
		o.printVariances(s.Result, stdout)
	}
}

// withoutBeta returns the formula of a loss as it is where every β is 1.
func withoutBeta(formula string) string { return strings.ReplaceAll(formula, "β·", "") }

// deviation returns the standard error of a term, where there is one.
func deviation(r *evaluate.Result, term int) string {
	if r.Images < 2 {
		return ""
	}
	return fmt.Sprintf("%*.3f", numberWidth, r.StandardError[term])
}

// printVariances says how many dimensions of the latent are active, and which.
func (o options) printVariances(r *evaluate.Result, stdout io.Writer) {
	active := r.Active()
	if r.Posterior {
		fmt.Fprintf(stdout, "  %*s%*s  the variance of their posterior mean is above %v\n", -titleWidth, "Active units", numberWidth,
			fmt.Sprintf("%d of %d", len(active), len(r.Variance)), evaluate.ActiveVariance)
	}
	if !o.verbose {
		return
	}
	fmt.Fprintf(stdout, "\n  %*s%*s\n", -titleWidth, "Latent dimension", numberWidth, "variance")
	for u, variance := range r.Variance {
		inactive := ""
		if r.Posterior && !slices.Contains(active, u) {
			inactive = "  not active"
		}
		fmt.Fprintf(stdout, "  %*d%*.3g%s\n", -titleWidth, u, numberWidth, variance, inactive)
	}
}

// printAgreement says how far so many clusters agree with labels.
func printAgreement(clusters int, a evaluate.Agreement, stdout io.Writer) {
	fmt.Fprintf(stdout, "\n%d clusters of the codes, beside the labels: accuracy %.4f, NMI %.4f, ARI %.4f.\n", clusters, a.Accuracy, a.NMI, a.ARI)
}

// printAUROC says how well the loss tells others from usual images.
func printAUROC(usual, others *measured, stdout io.Writer) {
	fmt.Fprintf(stdout, "\nAUROC %.4f: the probability that the loss is higher for an image of %s than for one of %s.\n",
		evaluate.AUROC(usual.losses(), others.losses()), others.name, usual.name)
}

// losses returns the loss of each image.
func (s *measured) losses() []float64 {
	losses := make([]float64, len(s.terms))
	for i, terms := range s.terms {
		losses[i] = terms[0]
	}
	return losses
}

// how says on how many images an interrupted evaluation was.
func (s *measured) how() string {
	return fmt.Sprintf("over the first %s of %s", words.Thousands(s.Images), words.Counted(s.images.Len(), "image"))
}
