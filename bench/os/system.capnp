@0xc4f1b7a2d8e39650;
# bench-os as the first process, with exactly what its rows call. The second argument is replaced by the Makefile.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "bench-os", data = embed "/bench-os.elf"),
    (name = "fs", data = embed "/fs.elf"),
    (name = "bench-tiny", data = embed "/bench-tiny.elf"),
  ],
  initConfig = (
    init = (
      binary = "bench-os",
      args = ["bench-os", "all"],
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "ipc", source = (kernel = ipcFactory)),
        (name = "memory", source = (kernel = virtualMemory)),
        (name = "null", source = (kernel = null)),
        (name = "park", source = (kernel = parkSpace)),
        (name = "policy", source = (kernel = schedulingPolicy)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "system", source = (kernel = systemInfo)),
        (name = "thread", source = (kernel = threadControl)),
        (name = "threads", source = (kernel = threadSpawner)),
        (name = "timer", source = (kernel = timer)),
        (name = "clock", source = (kernel = wallClock)),
      ],
    ),
  ),
);
