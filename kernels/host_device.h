// Marks a function that a GPU compiler may also build for the device. Elsewhere it means nothing.
#pragma once

#ifdef __CUDACC__
#define HD __host__ __device__
#else
#define HD
#endif
