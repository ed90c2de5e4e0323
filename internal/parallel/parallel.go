// Package parallel spreads loops over the cores.
package parallel

// For calls body once for every block of [0, n) of size grain (the last may be shorter), on as many cores as there
// are, and returns when all are done. The blocks depend on n and grain alone, never on the number of cores,
// so a sum kept per block has the same bits everywhere.
func For(n, grain int, body func(start, end int)) { panic("being written") }
