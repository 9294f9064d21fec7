# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dmsetup, LVM and the tools of thin pools print, and the superblock of a pool's metadata."""

import os

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.drydock.rescue.plugins.module_utils._device_mapper import (
    dmsetup,
    lvm,
    mappings,
    pool,
    superblock,
    thin,
)
from ansible_collections.drydock.rescue.plugins.module_utils._docker import data_root
from ansible_collections.drydock.rescue.plugins.module_utils._plan import Context
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import pool_facts, thin_pools
from ansible_collections.drydock.rescue.tests.fuzz.machine import case, put
from ansible_collections.drydock.rescue.tests.fuzz.strategies import LARGE, bytes_like, text_like
from ansible_collections.drydock.rescue.tests.unit.support import metadata
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident

SIZE = metadata.METADATA_BYTES


@given(bytes_like(metadata.RECORDED))
def test_superblocks(block):
    with case():
        superblock.length_sectors(superblock.parse(block, "/x", SIZE))


U32, U64 = (
    st.one_of(st.integers(0, 2**bits - 1), st.sampled_from([0, 1, 128, 2**bits - 1])) for bits in (32, 64)
)
FIELDS = dict.fromkeys(("flags", "version", "block_sectors", "metadata_block_sectors"), U32)
FIELDS.update(
    (name, U64) for name in ("magic", "transaction_id", "held_root", "data_blocks", "data_blocks_used")
)
FIELDS.update((name, U64) for name in ("metadata_blocks", "metadata_blocks_used"))


@given(st.fixed_dictionaries({}, optional=FIELDS))
def test_superblocks_with_the_right_checksum(host, tmp_path_factory, fields):
    path = str(tmp_path_factory.getbasetemp() / "metadata")
    put(path, metadata.superblock(**fields))
    os.truncate(path, SIZE)
    with case():
        superblock.length_sectors(superblock.read(path))


MARK = b"drydock-" + ident("web").encode()
INFO = (
    b"docker-8:1-131-pool||254|0|2|L--w\ndrydock-web-thin|" + MARK + b"-thin-16777215@254:0|254|3|1|Ls-w\n",
    b"drydock-web-pool|" + MARK + b"-pool-0123456789abcdef|254|1|1|L--r\n",
    b"docker-8:1-131-" + ident("layer of web").encode() + b"||254|2|1|L--w\n",
)
TABLE = (
    b"docker-8:1-131-pool: 0 4194304 thin-pool 7:1 7:0 128 32768 1 skip_block_zeroing \n",
    b"drydock-web-pool: 0 4194304 thin-pool 7:1 7:0 128 0 2 skip_block_zeroing read_only\n",
    b"drydock-web-thin: 0 20971520 thin 254:0 16777215\n",
)
STATUS = (
    b"0 4194304 thin-pool 10 4144/51200 1592/32768 - rw discard_passdown queue_if_no_space - 1024\n",
    b"0 4194304 thin-pool 10 4144/51200 1592/32768 7 ro no_discard_passdown error_if_no_space needs_check 1024\n",
    b"0 4194304 thin-pool Fail\n",
    b"0 20971520 thin 823296 20971519\n",
    b"docker-8:1-131-x: 0 20971520 thin 823296 20971519\n",
)
LIST = (b"    1      1592\n    2      9\n",)
TOOLS = {
    "dmsetup info": bytes_like(*INFO, b"".join(INFO), most=LARGE),
    "dmsetup table": bytes_like(*TABLE, b"".join(TABLE), most=LARGE),
    "dmsetup status": bytes_like(*STATUS, most=LARGE),
    "thin_ls --no-headers": bytes_like(*LIST),
}


@given(st.fixed_dictionaries(TOOLS))
def test_dmsetup(host, says):
    host.says = says
    with case():
        devices = dmsetup.devices(host)
        thin.named_ids(devices)
        thin.active_under(devices, "254:0", 7)
        dmsetup.statuses(host, "thin")


@given(text_like(*STATUS), text_like(*TABLE))
def test_the_status_and_the_table_of_a_pool(status, table):
    with case():
        pool.require_snapshots("p", pool.parse_status(status), 128)
    with case():
        pool.parse_table(table)


@given(bytes_like(*STATUS))
def test_the_status_of_a_thin_device(host, status):
    host.says = {"dmsetup status": status}
    with case():
        thin.FitsMapping("x", 7, 2**30, 128).perform(Context(host))


@given(st.fixed_dictionaries(TOOLS), st.booleans())
def test_pools(host, docker, says, with_files):
    if not os.path.isdir(docker.join("devicemapper")):
        docker.loop_pool()
        docker.container("web", driver="devicemapper")
    host.says = says
    with case():
        pool_facts.pool_facts(host, docker.path)
    with case():
        pool_facts.pool_facts(host, None)
    with case():
        thin_pools.find(host, data_root.find(host, docker.path))


LVS = (
    b"  pool|thin-pool|0|204800|8192|pool_tdata(0)\n  [pool_tdata]|linear|0|204800|8192|/dev/sdb1(1)\n"
    b"  [pool_tmeta]|linear|0|8192|8192|/dev/sdb1(26)\n",
)
PVS = (b"  /dev/sdb1|2048\n  /dev/sdc1|2048\n",)


@given(bytes_like(*LVS), bytes_like(*PVS), text_like(b"docker-pool", b"a--b-c--d"))
def test_lvm(host, lvs, pvs, name):
    host.says = {"lvs --readonly": lvs, "pvs --readonly": pvs}
    with case():
        lvm.split_name(name)
        found = lvm.parts_of(host, "vg-pool")
        if found:
            lvm.table(found.data)
            lvm.sectors_of(found.metadata)


DUMP = (
    b'<superblock uuid="" time="1" transaction="2" version="2" data_block_size="128" nr_data_blocks="32768">\n'
    b'  <def name="1">\n    <single_mapping origin_block="9" data_block="7" time="0"/>\n  </def>\n'
    b'  <device dev_id="4" mapped_blocks="4" transaction="0" creation_time="0" snap_time="1">\n'
    b'    <range_mapping origin_begin="0" data_begin="6" length="3" time="0"/>\n    <ref name="1"/>\n  </device>\n'
    b"</superblock>\n",
)
LINES = [line + b"\n" for line in DUMP[0].splitlines()]


HEADS = [line for line in LINES if b"<d" in line] + [b'<def name="2">\n']
INSIDE = [line for line in LINES if b"mapping " in line or b"<ref" in line] + [b'<ref name="2"/>\n']
# Each line up to forty times: what names itself would double with each.
INNER = st.tuples(st.sampled_from(INSIDE), st.sampled_from((1, 1, 2, 40))).map(lambda pair: pair[0] * pair[1])
BLOCKS = st.tuples(st.sampled_from(HEADS), st.lists(INNER, max_size=5).map(b"".join)).map(b"".join)
LISTS = st.one_of(st.lists(BLOCKS, max_size=5), st.lists(bytes_like(*LINES), max_size=20))


@given(st.one_of(bytes_like(*DUMP), LISTS.map(b"".join)))
def test_mappings(dump):
    with case():
        lines = dump.decode("utf-8", "replace").splitlines(True)
        mappings.of_device(lines, 4, 32768)
