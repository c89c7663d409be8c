@0xb1f2c3a4d5e60702;
# A program with arguments and an environment.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "init", data = embed "/init.elf"),
    (name = "c-args", data = embed "/c-args.elf"),
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
        binary = "c-args",
        args = ["c-args", "one", "two words", "", "ümläut"],
        env = ["HOME=nowhere", "EMPTY="],
        caps = [
          (name = "console", source = (kernel = console)),
        ],
      ),
    ],
  ),
  kernelParams = (motd = "The message of the day comes from the manifest."),
);
