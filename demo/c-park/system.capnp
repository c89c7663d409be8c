@0xa9d3f16be8407c25;
# Threads that wait for each other; the program stands in init's place.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [(name = "c-park", data = embed "/c-park.elf")],
  initConfig = (
    init = (
      binary = "c-park",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "timer", source = (kernel = timer)),
        (name = "memory", source = (kernel = virtualMemory)),
        (name = "threads", source = (kernel = threadSpawner)),
        (name = "thread", source = (kernel = threadControl)),
        (name = "park", source = (kernel = parkSpace)),
      ],
    ),
  ),
);
