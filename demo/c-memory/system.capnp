@0xb1f2c3a4d5e60705;
# A program with an address space of its own to manage, and a budget of 2048 frames (8 MiB).

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "init", data = embed "/init.elf"),
    (name = "c-memory", data = embed "/c-memory.elf"),
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
        binary = "c-memory",
        budget = (frames = 2048),
        caps = [
          (name = "console", source = (kernel = console)),
          (name = "memory", source = (kernel = virtualMemory)),
        ],
      ),
    ],
  ),
);
