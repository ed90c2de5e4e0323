// Command mixtures draws what EM does: a density, and the mixture of four Gaussians that is fitted to rows drawn from it, after some
// of the iterations. It prints the mean log-density of the rows themselves, which no mixture reaches but by chance.
// docs/mixtures.md explains it.
//
//	go run ./bench/mixtures
package main

import (
	"flag"
	"fmt"
	"image/color"
	"io"
	"log"
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"govae/internal/files"
	"govae/model/gmm"
)

const (
	components = 4
	rows       = 2000
	last       = 400 // iterations, after which nothing moves that could be seen
)

// shown are the iterations that a panel is drawn after; 0 is the start.
var shown = [][]int{{0, 1, 5}, {20, 60, last}}

// The look of the picture.
const (
	panelWidth, panelHeight = 7.5 * vg.Centimeter, 5.5 * vg.Centimeter
	dpi                     = 96
	points                  = 400 // of a curve
	low, high               = -1.0, 13.0
	highest                 = 0.26 // density that the axis reaches
)

var (
	truthColor = color.Gray{Y: 0x30}
	sumColor   = color.RGBA{R: 0xd6, G: 0x27, B: 0x28, A: 0xff}
	partColors = []color.Color{
		color.RGBA{R: 0x1f, G: 0x77, B: 0xb4, A: 0xff},
		color.RGBA{R: 0xe6, G: 0x9f, B: 0x00, A: 0xff},
		color.RGBA{R: 0x00, G: 0x9e, B: 0x73, A: 0xff},
		color.RGBA{R: 0x9a, G: 0x6f, B: 0xb0, A: 0xff},
	}
	axisColor = color.Gray{Y: 0x55}
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("mixtures: ")
	out := flag.String("out", "docs/mixtures.png", "the picture")
	flag.Parse()
	if err := run(*out); err != nil {
		log.Fatal(err)
	}
}

func run(path string) error {
	x := drawn()
	best := 0.0
	for i := range rows {
		best += math.Log(density(x.At(i, 0))) / rows
	}
	fmt.Printf("mean log-density of the %d rows: %.4f nats\n", rows, best)
	var panels [][]*plot.Plot
	for _, iterations := range shown {
		var row []*plot.Plot
		for _, n := range iterations {
			m, err := fit(x, n)
			if err != nil {
				return err
			}
			p, err := panel(m, n)
			if err != nil {
				return err
			}
			row = append(row, p)
		}
		panels = append(panels, row)
	}
	return write(path, panels)
}

// density is what the rows are drawn from, which is no mixture of Gaussians: a gamma distribution of shape 3, which is skewed, and a
// triangle from 8 to 11.
func density(x float64) float64 {
	const gammaShare, left, peak, right = 0.7, 8, 10, 11
	var p float64
	if x > 0 {
		p = gammaShare * x * x / 2 * math.Exp(-x)
	}
	height := 2.0 / (right - left) * (1 - gammaShare)
	if x > left && x <= peak {
		p += height * (x - left) / (peak - left)
	}
	if x > peak && x < right {
		p += height * (right - x) / (right - peak)
	}
	return p
}

// drawn returns the quantiles of the density at (i+½)/rows. They take the place of random rows, and fill it more evenly.
func drawn() *mat.Dense {
	const step, end = 1e-3, 40
	x := mat.NewDense(rows, 1, nil)
	var sum float64
	at := low
	for i := range rows {
		for ; sum < (float64(i)+0.5)/rows && at < end; at += step {
			sum += density(at+step/2) * step
		}
		x.Set(i, 0, at)
	}
	return x
}

// fit returns the mixture after so many iterations, from a start that is bad on purpose: the components share the least quarter of the
// rows, and the last of them has all the others too.
func fit(x *mat.Dense, iterations int) (*gmm.Mixture, error) {
	start := mat.NewDense(rows, components, nil)
	for i := range rows {
		start.Set(i, min(i*components*components/rows, components-1), 1)
	}
	o := gmm.DefaultOptions()
	o.Components, o.MaxIterations, o.Tolerance = components, iterations, 0
	return gmm.FitFrom(x, start, o)
}

// panel draws the density, the components and their sum.
func panel(m *gmm.Mixture, iterations int) (*plot.Plot, error) {
	trace := m.Trace()
	p := plot.New()
	p.Title.Text = fmt.Sprintf("iteration %d: %.4f", iterations, trace[len(trace)-1])
	if iterations == 0 {
		p.Title.Text = fmt.Sprintf("start: mean log p(x) = %.4f", trace[0])
	}
	style(p)

	at := mat.NewDense(points, 1, nil)
	for i := range points {
		at.Set(i, 0, low+(high-low)*float64(i)/(points-1))
	}
	logP, r := m.LogProb(at), m.Responsibilities(at)
	curve := func(value func(i int) float64, c color.Color, width vg.Length, dashes ...vg.Length) error {
		xys := make(plotter.XYs, points)
		for i := range xys {
			xys[i] = plotter.XY{X: at.At(i, 0), Y: min(value(i), highest)}
		}
		line, err := plotter.NewLine(xys)
		if err != nil {
			return err
		}
		line.Color, line.Width, line.Dashes = c, width, dashes
		p.Add(line)
		return nil
	}
	if err := curve(func(i int) float64 { return math.Exp(logP[i]) }, sumColor, 3); err != nil {
		return nil, err
	}
	for k, c := range partColors { // wₖ N(x; μₖ, Σₖ) is the share of k in p(x)
		if err := curve(func(i int) float64 { return r.At(i, k) * math.Exp(logP[i]) }, c, 1.5); err != nil {
			return nil, err
		}
	}
	if err := curve(func(i int) float64 { return density(at.At(i, 0)) }, truthColor, 1.5, 5, 3); err != nil {
		return nil, err
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = low, high, 0, highest
	return p, nil
}

func style(p *plot.Plot) {
	for _, style := range []*text.Style{&p.Title.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
		style.Font.Variant, style.Font.Size = "Sans", 9
	}
	p.Title.TextStyle.Font.Size, p.Title.Padding = 11, 4
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Color, axis.Tick.Color, axis.Tick.Label.Color = axisColor, axisColor, axisColor
	}
	p.X.Tick.Marker = plot.ConstantTicks{{Value: 0, Label: "0"}, {Value: 5, Label: "5"}, {Value: 10, Label: "10"}}
	p.Y.Tick.Marker = plot.ConstantTicks{{Value: 0, Label: "0"}, {Value: 0.1, Label: "0.1"}, {Value: 0.2, Label: "0.2"}}
}

func write(path string, panels [][]*plot.Plot) error {
	down, across := len(panels), len(panels[0])
	canvas := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(vg.Length(across)*panelWidth, vg.Length(down)*panelHeight), vgimg.UseDPI(dpi))}
	tiles := draw.Tiles{Rows: down, Cols: across, PadX: 14, PadY: 14, PadTop: 8, PadBottom: 8, PadLeft: 8, PadRight: 8}
	for i, areas := range plot.Align(panels, tiles, draw.New(canvas)) {
		for j, area := range areas {
			panels[i][j].Draw(area)
		}
	}
	return files.Write(path, func(w io.Writer) error {
		_, err := canvas.WriteTo(w)
		return err
	})
}
