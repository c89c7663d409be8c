@0xbd41c7f2096e835a;
# Notifications between two processes; the program stands in init's place.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [(name = "c-notify", data = embed "/c-notify.elf")],
  initConfig = (
    init = (
      binary = "c-notify",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "timer", source = (kernel = timer)),
        (name = "ipc", source = (kernel = ipcFactory)),
        (name = "spawner", source = (kernel = processSpawner)),
      ],
    ),
  ),
);
