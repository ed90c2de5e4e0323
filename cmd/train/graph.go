package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"govae/internal/files"
	"govae/model"
	"govae/train/dataset"
)

// writeGraph writes the expression graph of the model to c.graph: in Graphviz' DOT language, or drawn by Graphviz as SVG.
// Only where -data is given, or the model is told classes, does it read a data set, for the shape of its images and its classes.
func writeGraph(ctx context.Context, c command) error {
	if c.Data != dataset.DefaultSource() || c.Model.Kind.TakesLabels() {
		set, err := c.Data.Open(ctx, nil)
		if err != nil {
			return err
		}
		c.Model.Image, c.Model.Classes = set.Train.Shape, set.Classes()
	}
	network, err := model.New(c.Model, model.Train, c.Settings.Batch, nil) // weights are not drawn
	if err != nil {
		return err
	}
	var graph bytes.Buffer
	if _, err := network.Gradients(); err != nil {
		return err
	}
	if err := network.WriteDOT(&graph); err != nil {
		return err
	}
	if filepath.Ext(c.graph) == ".svg" {
		if graph, err = drawn(ctx, &graph, c.graph); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(c.graph), 0o777); err != nil {
		return err
	}
	err = files.Write(c.graph, func(w io.Writer) error {
		_, err := w.Write(graph.Bytes())
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(c.Output, "wrote the expression graph of %s to %s\n", c.Model, c.graph)
	return nil
}

// drawn returns the graph as SVG, which Graphviz' dot makes of it.
func drawn(ctx context.Context, graph io.Reader, path string) (svg bytes.Buffer, err error) {
	program, err := exec.LookPath("dot")
	if err != nil {
		return svg, fmt.Errorf("-graph %s needs Graphviz, whose program dot is not on the PATH: install it, or write %s, which needs nothing",
			path, strings.TrimSuffix(path, ".svg")+".dot")
	}
	var complaint bytes.Buffer
	dot := exec.CommandContext(ctx, program, "-Tsvg")
	dot.Stdin, dot.Stdout, dot.Stderr = graph, &svg, &complaint
	if err := dot.Run(); err != nil {
		return svg, fmt.Errorf("-graph %s: %s: %w: %s", path, program, err, strings.TrimSpace(complaint.String()))
	}
	return svg, nil
}
