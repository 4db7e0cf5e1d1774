// module: common timing
// Keeps the stream busy while the host puts in line what is to be timed.

#define HOLD_NANOS 500000

// Waits until *gate is count, for half a millisecond at most: whoever waits for the stream in the
// meantime is not kept for ever. gate: page-locked memory of the host.
KERNEL hold(const volatile int* gate, int count) {
#ifdef __CUDA_ARCH__
    u64 begin, now;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(begin));
    do {
        asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
    } while (*gate - count < 0 && now - begin < HOLD_NANOS);
#endif
}
