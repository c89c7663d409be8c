@0xe84d20b95c6f1a37;
# Capabilities on their way between two processes. It
# stands in init's place, where it has a spawner.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "c-transfer", data = embed "/c-transfer.elf"),
  ],
  initConfig = (
    init = (
      binary = "c-transfer",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "timer", source = (kernel = timer)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "ipc", source = (kernel = ipcFactory)),
      ],
    ),
  ),
);
