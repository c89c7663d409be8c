@0xe07a5d3c19b64f28;
# A program that runs threads, and children of itself that end in the ways a process with threads can.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "c-threads", data = embed "/c-threads.elf"),
  ],
  initConfig = (
    init = (
      binary = "c-threads",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "timer", source = (kernel = timer)),
        (name = "memory", source = (kernel = virtualMemory)),
        (name = "threads", source = (kernel = threadSpawner)),
        (name = "thread", source = (kernel = threadControl)),
        (name = "spawner", source = (kernel = processSpawner)),
      ],
    ),
  ),
);
