@0x9a64c0e7d3b15f82;
# A service with a ProcessSpawner of its own.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "init", data = embed "/init.elf"),
    (name = "spawn", data = embed "/spawn.elf"),
  ],
  initConfig = (
    init = (
      binary = "init",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "boot", source = (kernel = bootPackage)),
        (name = "spawner", source = (kernel = processSpawner)),
      ],
    ),
    services = [
      (
        binary = "spawn",
        caps = [
          (name = "console", source = (kernel = console)),
          (name = "memory", source = (kernel = virtualMemory)),
          (name = "spawner", source = (kernel = processSpawner), expects = "ProcessSpawner"),
        ],
      ),
    ],
  ),
);
