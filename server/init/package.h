/* The boot package, read through a BootPackage capability. */
#pragma once
#include "holdings.h"
#include <capos/manifest.h>

/* Decodes the manifest; its views stay valid for the life of the process. False: said why. */
bool package_read(struct cap_system_manifest *manifest);

/* The manifest's lists may be read as often as at the start again: decoders count what they read, so that a
 * hostile message cannot keep them busy, and init reads a service's grants at each of its starts. */
void package_read_again(void);
