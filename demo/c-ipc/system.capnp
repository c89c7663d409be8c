@0xa1f0c86b3d2e5974;
# A client that makes an endpoint, spawns itself as the server behind it, and sees what both can do to each other. It
# stands in init's place, where it has a spawner.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "c-ipc", data = embed "/c-ipc.elf"),
  ],
  initConfig = (
    init = (
      binary = "c-ipc",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "timer", source = (kernel = timer)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "ipc", source = (kernel = ipcFactory)),
      ],
    ),
  ),
);
