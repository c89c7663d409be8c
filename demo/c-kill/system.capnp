@0xd94b60f2a7c3e815;
# A program that starts copies of itself, busy with everything that takes time, and kills them from several threads.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "c-kill", data = embed "/c-kill.elf"),
  ],
  initConfig = (
    init = (
      binary = "c-kill",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "timer", source = (kernel = timer)),
        (name = "memory", source = (kernel = virtualMemory)),
        (name = "threads", source = (kernel = threadSpawner)),
        (name = "thread", source = (kernel = threadControl)),
        (name = "spawner", source = (kernel = processSpawner)),
      ],
    ),
  ),
);
