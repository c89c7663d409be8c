@0xd95a3f07e1c24b86;
# A service of four threads and four clients in processes of their own.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "c-serve", data = embed "/c-serve.elf"),
  ],
  initConfig = (
    init = (
      binary = "c-serve",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "timer", source = (kernel = timer)),
        (name = "memory", source = (kernel = virtualMemory)),
        (name = "threads", source = (kernel = threadSpawner)),
        (name = "thread", source = (kernel = threadControl)),
        (name = "park", source = (kernel = parkSpace)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "ipc", source = (kernel = ipcFactory)),
      ],
    ),
  ),
);
