package generate_test

import (
	"errors"
	"fmt"
	"image"
	"image/png"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"

	"govae/model"
	"govae/model/machine"
	"govae/train/checkpoint"
	"govae/train/device"
	"govae/train/generate"
)

// maxSamples keeps one request from holding up the others.
const maxSamples = 64

// samples serves n samples of a seed, one below the other, as a grey PNG picture: the model's images must be grey. All requests
// share one Generator.
func samples(g *generate.Generator) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.FormValue("n"))
		if err != nil || n < 1 || n > maxSamples {
			http.Error(w, fmt.Sprintf("n is %q, want 1 to %d", r.FormValue("n"), maxSamples), http.StatusBadRequest)
			return
		}
		seed, err := strconv.ParseUint(r.FormValue("seed"), 10, 64)
		if err != nil {
			http.Error(w, fmt.Sprintf("seed is %q, want a whole number from 0 on", r.FormValue("seed")), http.StatusBadRequest)
			return
		}
		images, err := g.Sample(n, seed)
		if errors.Is(err, generate.ErrInput) { // the request's fault
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err != nil {
			log.Print(err)
			http.Error(w, "no samples can be had", http.StatusInternalServerError)
			return
		}
		shape := g.Config().Image
		picture := image.NewGray(image.Rect(0, 0, shape.Width, n*shape.Height))
		for i, v := range images {
			picture.Pix[i] = uint8(255*v + 0.5)
		}
		w.Header().Set("Content-Type", "image/png")
		if err := png.Encode(w, picture); err != nil {
			log.Print(err) // the client has gone
		}
	}
}

// An HTTP handler that serves samples. A service would take its model from generate.Open.
func ExampleGenerator_http() {
	cfg := model.DefaultConfig()
	weights := machine.State{Weights: model.InitialWeights(cfg, 1)}
	g, err := generate.New(&checkpoint.Checkpoint{Config: cfg, State: weights}, device.Auto)
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	handler := samples(g)

	for _, query := range []string{"n=3&seed=7", "n=many&seed=7", "n=3&seed=-1", "n=1000&seed=7"} {
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/samples?"+query, nil))
		if response.Code != http.StatusOK {
			fmt.Print(response.Code, " ", response.Body)
			continue
		}
		picture, err := png.Decode(response.Body)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(response.Code, response.Header().Get("Content-Type"), picture.Bounds().Size())
	}
	// Output:
	// 200 image/png (28,84)
	// 400 n is "many", want 1 to 64
	// 400 seed is "-1", want a whole number from 0 on
	// 400 n is "1000", want 1 to 64
}
