@0xe8a51b7d30c694f2;
# A director that keeps many processes busy with everything at once, and kills them and their server at random.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "c-soak", data = embed "/c-soak.elf"),
  ],
  initConfig = (
    init = (
      binary = "c-soak",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "timer", source = (kernel = timer)),
        (name = "memory", source = (kernel = virtualMemory)),
        (name = "threads", source = (kernel = threadSpawner)),
        (name = "thread", source = (kernel = threadControl)),
        (name = "park", source = (kernel = parkSpace)),
        (name = "manager", source = (kernel = capabilityManager)),
        (name = "ipc", source = (kernel = ipcFactory)),
        (name = "spawner", source = (kernel = processSpawner)),
      ],
    ),
  ),
);
