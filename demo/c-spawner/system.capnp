@0xc4b1d95e7a30f826;
# A program that spawns itself as often as it may. It stands in init's place: a child could not be given the spawner's
# whole budget.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "c-spawner", data = embed "/c-spawner.elf"),
  ],
  initConfig = (
    init = (
      binary = "c-spawner",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "timer", source = (kernel = timer)),
        (name = "memory", source = (kernel = virtualMemory)),
        (name = "spawner", source = (kernel = processSpawner)),
      ],
    ),
  ),
);
