@0x9fb407011c5012f8;
# Everything there is to look at the machine with, and nothing to change it.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "init", data = embed "/init.elf"),
    (name = "c-system", data = embed "/c-system.elf"),
  ],
  initConfig = (
    init = (
      binary = "init",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "boot", source = (kernel = bootPackage)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "info", source = (kernel = systemInfo)),
        (name = "log", source = (kernel = logReader)),
        (name = "sink", source = (kernel = logSink)),
      ],
    ),
    services = [
      (binary = "c-system", caps = [
        (name = "console", source = (kernel = console)),
        (name = "info", source = (kernel = systemInfo)),
        (name = "log", source = (kernel = logReader)),
        (name = "sink", source = (kernel = logSink)),
        (name = "capabilities", source = (kernel = capabilityManager)),
        (name = "boot", source = (kernel = bootPackage)),
      ]),
    ],
  ),
);
