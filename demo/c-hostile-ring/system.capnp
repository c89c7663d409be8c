@0xb1f2c3a4d5e60709;
# A program that attacks the kernel through its ring.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "init", data = embed "/init.elf"),
    (name = "c-hostile-ring", data = embed "/c-hostile-ring.elf"),
  ],
  initConfig = (
    init = (
      binary = "init",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "boot", source = (kernel = bootPackage)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "timer", source = (kernel = timer)),
        (name = "info", source = (kernel = systemInfo)),
        (name = "null", source = (kernel = null)),
      ],
    ),
    services = [
      (
        binary = "c-hostile-ring",
        caps = [
          (name = "console", source = (kernel = console)),
          (name = "memory", source = (kernel = virtualMemory)),
          (name = "timer", source = (kernel = timer)),
          (name = "info", source = (kernel = systemInfo)),
          (name = "null", source = (kernel = null)),
        ],
      ),
    ],
  ),
);
