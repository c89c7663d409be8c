@0x9c3b7d1e5f208a64;
# A client of the demo c-ipc's file service that asks for things it does not have yet. It
# stands in init's place, where it has a spawner.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "c-pipeline", data = embed "/c-pipeline.elf"),
    (name = "c-ipc", data = embed "/c-ipc.elf"),
  ],
  initConfig = (
    init = (
      binary = "c-pipeline",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "timer", source = (kernel = timer)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "ipc", source = (kernel = ipcFactory)),
      ],
    ),
  ),
);
