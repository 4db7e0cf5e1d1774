// What devices of compute capability 8.0 do in one instruction.

#define LOG2_E 1.4426950408889634f
#define LN_2 0.6931471805599453f

// Two neighbours rounded to bf16, the left one in the lower half.
__device__ __forceinline__ u32 pack_bf16(float left, float right) {
    u32 both;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(right), "f"(left));
    return both;
}

// 2^x with a relative error of 2^-22; 0 below the normal numbers.
__device__ __forceinline__ float fast_exp2(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
