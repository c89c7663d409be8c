@0xb1f2c3a4d5e6070a;
# A program that looks at its own beginning and at several ends.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "init", data = embed "/init.elf"),
    (name = "c-runtime", data = embed "/c-runtime.elf"),
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
        binary = "c-runtime",
        caps = [
          (name = "console", source = (kernel = console)),
          (name = "memory", source = (kernel = virtualMemory)),
          (name = "spawner", source = (kernel = processSpawner)),
        ],
      ),
    ],
  ),
);
