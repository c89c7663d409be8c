@0xf2b8a1c07d3e9645;
# A program that traces a copy of itself.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "c-trace", data = embed "/c-trace.elf"),
  ],
  initConfig = (
    init = (
      binary = "c-trace",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "timer", source = (kernel = timer)),
        (name = "memory", source = (kernel = virtualMemory)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "ipc", source = (kernel = ipcFactory)),
        (name = "info", source = (kernel = systemInfo)),
        (name = "tracer", source = (kernel = tracer)),
      ],
    ),
  ),
);
