/* What the fuzz targets share: a platform on malloc and mmap that refuses unreasonable requests. */
#pragma once
#include "../module.h"

extern const struct wasm_platform fuzz_platform;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
