@0xb1f2c3a4d5e60703;
# A program that may know the time.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "init", data = embed "/init.elf"),
    (name = "c-time", data = embed "/c-time.elf"),
  ],
  initConfig = (
    init = (
      binary = "init",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "boot", source = (kernel = bootPackage)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "timer", source = (kernel = timer)),
        (name = "wallclock", source = (kernel = wallClock)),
      ],
    ),
    services = [
      (
        binary = "c-time",
        caps = [
          (name = "console", source = (kernel = console)),
          (name = "timer", source = (kernel = timer)),
          (name = "wallclock", source = (kernel = wallClock)),
        ],
      ),
    ],
  ),
);
