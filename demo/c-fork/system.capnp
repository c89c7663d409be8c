@0x9d7e2c61f8a05b34;
# A program that makes copies of itself and puts others in its place. It stands in init's place, so that a copy may
# have as much as it asks for.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "c-fork", data = embed "/c-fork.elf"),
  ],
  initConfig = (
    init = (
      binary = "c-fork",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "memory", source = (kernel = virtualMemory)),
        (name = "threads", source = (kernel = threadSpawner)),
        (name = "thread", source = (kernel = threadControl)),
        (name = "caps", source = (kernel = capabilityManager)),
        (name = "spawner", source = (kernel = processSpawner)),
      ],
    ),
  ),
);
