@0xb1f2c3a4d5e60708;
# A program that starts copies of itself and lets them crash.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "init", data = embed "/init.elf"),
    (name = "c-crash", data = embed "/c-crash.elf"),
  ],
  initConfig = (
    init = (
      binary = "init",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "boot", source = (kernel = bootPackage)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "info", source = (kernel = systemInfo)),
      ],
    ),
    services = [
      (
        binary = "c-crash",
        caps = [
          (name = "console", source = (kernel = console)),
          (name = "spawner", source = (kernel = processSpawner)),
          (name = "info", source = (kernel = systemInfo)),
        ],
      ),
    ],
  ),
);
