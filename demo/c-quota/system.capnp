@0xb5e2c9407d81fa36;
# A director, its sibling, and greedy processes that take all they can get. The director stands in init's place: it wants
# the whole machine's figures to itself.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "c-quota", data = embed "/c-quota.elf"),
  ],
  initConfig = (
    init = (
      binary = "c-quota",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "timer", source = (kernel = timer)),
        (name = "memory", source = (kernel = virtualMemory)),
        (name = "ipc", source = (kernel = ipcFactory)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "tracer", source = (kernel = tracer)),
        (name = "log", source = (kernel = logSink)),
        (name = "info", source = (kernel = systemInfo)),
      ],
    ),
  ),
);
