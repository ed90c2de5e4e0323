package parallel

// pause tells the processor that this is a waiting loop: it spends some tens of cycles and leaves the core's other
// thread and the memory bus alone.
//
//go:noescape
func pause()
