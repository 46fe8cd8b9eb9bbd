from deploy.local import install

LOCK = """\
# made by a tool
aiohttp==3.14.5 \\
    --hash=sha256:01
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:02
"""
OUTPUT = [
    "Ignoring colorama: markers 'sys_platform == \"win32\"' don't match your environment\n",
    "Collecting aiohttp==3.14.5 (from -r requirements/dev.txt (line 2))\n",
    "  Downloading aiohttp-3.14.5.whl (1.7 MB)\n",
    "Installing collected packages: aiohttp\n",
]


def test_packages_are_counted_in_the_lock_file() -> None:
    assert install.pinned(LOCK) == 2


def test_each_package_moves_the_count_and_unpacking_is_said() -> None:
    said: list[str] = []

    lines = install.follow(OUTPUT, 2, said.append)

    assert said == ["1 of 2 packages", "2 of 2 packages", "unpacking them; this takes a moment"]
    assert lines == OUTPUT
