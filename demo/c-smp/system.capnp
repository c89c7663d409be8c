@0xb7f20e9d34c158a6;
# Threads on several processors.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "c-smp", data = embed "/c-smp.elf"),
  ],
  initConfig = (
    init = (
      binary = "c-smp",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "timer", source = (kernel = timer)),
        (name = "memory", source = (kernel = virtualMemory)),
        (name = "threads", source = (kernel = threadSpawner)),
        (name = "thread", source = (kernel = threadControl)),
        (name = "policy", source = (kernel = schedulingPolicy)),
        (name = "system", source = (kernel = systemInfo)),
      ],
    ),
  ),
);
