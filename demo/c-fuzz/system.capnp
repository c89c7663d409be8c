@0xd7c0a1be95f3421d;
# A program that throws random entries at every object the kernel grants, but for those that would end the machine
# or write into the transcript. It stands in init's place, which alone may hold them all.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "c-fuzz", data = embed "/c-fuzz.elf"),
  ],
  initConfig = (
    init = (
      binary = "c-fuzz",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "timer", source = (kernel = timer)),
        (name = "wallclock", source = (kernel = wallClock)),
        (name = "entropy", source = (kernel = entropy)),
        (name = "memory", source = (kernel = virtualMemory)),
        (name = "boot", source = (kernel = bootPackage)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "info", source = (kernel = systemInfo)),
        (name = "manager", source = (kernel = capabilityManager)),
        (name = "logs", source = (kernel = logReader)),
        (name = "null", source = (kernel = null)),
      ],
    ),
  ),
);
