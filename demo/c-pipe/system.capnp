@0xd0a97c1f3be58264;
# Pipes, in one process: the program stands in init's place.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [(name = "c-pipe", data = embed "/c-pipe.elf")],
  initConfig = (
    init = (
      binary = "c-pipe",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "ipc", source = (kernel = ipcFactory)),
        (name = "timer", source = (kernel = timer)),
      ],
    ),
  ),
);
