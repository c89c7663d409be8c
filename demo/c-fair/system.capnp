@0xd3a96c51f0487be2;
# Threads that share a processor by weight.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "c-fair", data = embed "/c-fair.elf"),
  ],
  initConfig = (
    init = (
      binary = "c-fair",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "timer", source = (kernel = timer)),
        (name = "memory", source = (kernel = virtualMemory)),
        (name = "threads", source = (kernel = threadSpawner)),
        (name = "thread", source = (kernel = threadControl)),
        (name = "policy", source = (kernel = schedulingPolicy)),
        (name = "spawner", source = (kernel = processSpawner)),
      ],
    ),
  ),
);
