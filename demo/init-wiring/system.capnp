@0xa6f04d8be27193c5;
# A service that expects to read from a pipe of which its source is the writing end: init says so before it starts the
# one that is in order.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "init", data = embed "/init.elf"),
    (name = "c-hello", data = embed "/c-hello.elf"),
  ],
  initConfig = (
    init = (
      binary = "init",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "boot", source = (kernel = bootPackage)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "ipc", source = (kernel = ipcFactory)),
      ],
    ),
    services = [
      (
        binary = "c-hello",
        caps = [
          (name = "console", source = (kernel = console)),
          (name = "out", source = (pipeWriter = "lane"), expects = "PipeWriter"),
        ],
      ),
      (
        name = "second",
        binary = "c-hello",
        caps = [
          (name = "console", source = (kernel = console)),
          (name = "in", source = (pipeWriter = "lane"), expects = "PipeReader"),
        ],
      ),
    ],
    pipes = [(name = "lane")],
  ),
);
