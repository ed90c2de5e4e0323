// The words of the environment variable CUDA_STANDIN.
#ifndef OPTIONS_H
#define OPTIONS_H

#include <string>

namespace standin {

struct Options {
    // What the machine is.
    unsigned long devices = 1, capability = 90, multiprocessors = 132;
    unsigned long memory = 4ul << 30; // bytes of a device
    bool nodevice = false;            // cuInit says that there is none
    bool olddriver = false;           // of CUDA 11.4
    bool cutimage = false;            // no image is one

    // What fails: that one, counted from 1, and all after it. 0: none.
    unsigned long alloc = 0;  // cuMemAlloc
    unsigned long launch = 0; // launches of kernels
    unsigned long lost = 0;   // calls: the device is lost

    unsigned long seed = 1; // of the order of blocks, threads, streams and nodes
    bool quiet = false;     // no messages
    bool strict = false;    // abort if something is left when a context goes
    std::string report;     // a file; a line is added when a context is made, and when it goes
};

const Options &options();
// read_options reads the variable, and aborts at a word that there is not.
void read_options();

// say writes a line to standard error, unless it is to be quiet.
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

} // namespace standin

#endif
