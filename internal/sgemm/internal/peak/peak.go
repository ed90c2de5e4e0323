// Package peak measures how fast a core can multiply and add at best, for benchmarks to be held against.
package peak

//go:generate env GOWORK=off go run -C ../../_asm ./peak -out ../internal/peak/peak_amd64.s -stubs ../internal/peak/peak_amd64.go -pkg peak
