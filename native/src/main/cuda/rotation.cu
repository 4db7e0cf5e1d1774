// The rotation of a pair of components of a head, for kernels that turn heads.

__device__ __forceinline__ float turned_first(float a, float b, float c, float s) {
    return a * c - b * s;
}
__device__ __forceinline__ float turned_second(float a, float b, float c, float s) {
    return a * s + b * c;
}
