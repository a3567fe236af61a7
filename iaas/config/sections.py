"""The sections of iaas.conf. A driver's own options live in the driver's file, not here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from iaas.config.loader import option


@dataclass(frozen=True)
class Log:
    """Logging of every daemon."""

    SECTION: ClassVar[str] = "log"
    level: str = option("INFO", "Least level written.", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    style: str = option("text", "Form of a line.", choices=("text", "json"))


@dataclass(frozen=True)
class Database:
    """The SQL state database; hosts that run only agents need no access to it."""

    SECTION: ClassVar[str] = "database"
    connection: str = option(
        "sqlite:////var/lib/iaas/iaas.sqlite", "SQLAlchemy URL: sqlite:///… or postgresql+psycopg://…", secret=True
    )
    pool_size: int = option(8, "Connections that one daemon keeps at most.")


@dataclass(frozen=True)
class Bus:
    """The message broker."""

    SECTION: ClassVar[str] = "bus"
    urls: tuple[str, ...] = option(
        ("amqp://guest:guest@127.0.0.1:5672//",),
        "Broker URLs. Several: listened at all, sent to any; no cluster, or one of at least three.",
        secret=True,
    )
    prefix: str = option("iaas", "Prefix of every exchange and queue, so that clouds can share a broker.")


@dataclass(frozen=True)
class Auth:
    """Tokens, policy and the platform's own identities."""

    SECTION: ClassVar[str] = "auth"
    strategy: str = option(
        "local", "Who validates tokens: local (this cloud's own identities), keystone (another identity service, see "
        "[keystone]) or noauth (nobody; for tests, on loopback only).", choices=("local", "keystone", "noauth")
    )  # fmt: skip
    key_repository: str = option(
        "/var/lib/iaas/keys", "Directory of the token keys; every API node needs the same keys."
    )
    credential_key_repository: str = option(
        "", "Directory of the keys that seal stored credentials; every API node needs the same keys. Empty: the "
        "directory credentials inside key_repository."
    )  # fmt: skip
    token_ttl: int = option(3600, "Seconds that a token lives.")
    policy_file: str = option("/etc/iaas/policy.yaml", "Overrides of policy rules (YAML or JSON); re-read on change.")
    limit_model: str = option(
        "flat", "How limits of domains and projects depend on each other.", choices=("flat", "strict_two_level")
    )
    bcrypt_rounds: int = option(12, "Cost of a password hash (2^n).")
    internal_secret: str = option(
        "", "Root of the hosts' certificates for each other; at least 32 characters, kept secret.", secret=True
    )
    metadata_secret: str = option("", "Shared by metadata agents and iaas-api to sign requests.", secret=True)


@dataclass(frozen=True)
class SecurityCompliance:
    """Rules for users' passwords; 0 switches a rule off."""

    SECTION: ClassVar[str] = "security_compliance"
    password_regex: str = option("", "What a new password must match from its beginning; empty: anything.")
    password_regex_description: str = option("", "The same in words, for users whose password does not match.")
    password_expires_days: int = option(0, "Days that a password is good for.")
    minimum_password_age: int = option(0, "Days before users may change a password again that they chose themselves.")
    unique_last_password_count: int = option(
        0, "How many passwords of a user in a row must be different, the new one included; at most 24."
    )
    change_password_upon_first_use: bool = option(
        False, "A password that an administrator set is good for one thing: to be changed by its user."
    )
    lockout_failure_attempts: int = option(
        0, "Wrong passwords from one address after which it is locked out of the account; 0: growing delays instead."
    )
    lockout_duration: int = option(1800, "Seconds that it is locked out.")
    disable_user_account_days_inactive: int = option(0, "Days without a login after which a user is disabled.")


@dataclass(frozen=True)
class Keystone:
    """An identity service of another cloud, which the strategy keystone of [auth] asks."""

    SECTION: ClassVar[str] = "keystone"
    auth_url: str = option("", "Where it is, for instance https://cloud.example:5000/v3.")
    username: str = option("iaas", "Our own user there, which has the role service on the project.")
    password: str = option("", "Its password.", secret=True)
    user_domain: str = option("Default", "Name of the user's domain.")
    project: str = option("service", "The project on which it has the role.")
    project_domain: str = option("Default", "Name of the project's domain.")
    ca_file: str = option("", "Certificates that sign its certificate; empty: those of the system.")
    cache_time: float = option(5.0, "Seconds that an answer is used again: the longest that a revoked token lives on.")


@dataclass(frozen=True)
class Api:
    """Where the HTTP APIs listen and what clients are told."""

    SECTION: ClassVar[str] = "api"
    compute_listen: str = option("127.0.0.1:8774/", "host:port/path of the compute API.")
    network_listen: str = option("127.0.0.1:9696/", "host:port/path of the network API.")
    volume_listen: str = option("127.0.0.1:8776/", "host:port/path of the volume API.")
    metadata_listen: str = option("127.0.0.1:8775/", "host:port/path of the metadata API.")
    identity_listen: str = option("127.0.0.1:5000/", "host:port/path of the identity API.")
    image_listen: str = option("127.0.0.1:9292/", "host:port/path of the image API.")
    public_url: str = option("", "URL prefix of links, e.g. https://cloud.example; empty: as listened.")
    public_host: str = option("", "Name or address that clients use where APIs listen on every address (0.0.0.0).")
    threads: int = option(8, "Worker threads of each HTTP listener.")
    max_body: int = option(114688, "Largest JSON body in bytes (S-109).")
    max_limit: int = option(1000, "Most items in one page of a list.")


@dataclass(frozen=True)
class Image:
    """The image service."""

    SECTION: ClassVar[str] = "image"
    stores: tuple[str, ...] = option(
        ("filesystem:filesystem",), "Stores as ID:DRIVER; each may have its section [store:ID]. See docs/image.md."
    )
    default_store: str = option("", "Id of the store that takes images when nothing else is said; empty: the first.")
    staging_driver: str = option("filesystem", "Driver of the store, [store:staging], of data sent to be imported.")
    directory: str = option("/var/lib/iaas/images", "Directory of a filesystem store that has none of its own.")
    max_size: int = option(107374182400, "Largest image in bytes.")
    max_virtual_size: int = option(1099511627776, "Largest disk inside an image, in bytes (S-011).")
    formats: tuple[str, ...] = option(
        ("raw", "qcow2", "iso", "vmdk", "vdi", "vhd", "vhdx", "ami", "ari", "aki"),
        "disk_format values accepted; what can't be inspected never is. See docs/image-safety.md.",
    )
    project_quota: int = option(1099511627776, "Bytes of images that one project may keep, every copy counted.")
    import_methods: tuple[str, ...] = option(("glance-direct", "web-download", "copy-image"), "Import methods offered.")
    import_workers: int = option(
        3, "Imports and copies that one image daemon works at; one of them is never of the same project."
    )
    task_hours: int = option(48, "How long a task that is over is remembered.")
    web_schemes: tuple[str, ...] = option(("https", "http"), "web-download: schemes of URLs.")
    web_ports: tuple[str, ...] = option(("80", "443"), "web-download: ports of URLs.")
    web_networks: tuple[str, ...] = option((), "web-download: networks that are reached although they are not public.")
    web_ca_file: str = option("", "web-download: certificates of authorities to trust; empty: the system's.")
    web_hours: float = option(4.0, "web-download: the longest time that one may take.")
    project_images: int = option(1000, "Images that one project may have; -1: no limit.")
    delayed_delete_s: int = option(
        0, "Seconds for which a deleted image's data stay, and iaas-manage image restore brings it back; 0: none."
    )
    property_protection_file: str = option("", "Who may do what with which image properties; empty: no protection.")
    property_protection_rule_format: str = option(
        "roles", "What that file names: roles, or rules of the policy files.", choices=("roles", "policies")
    )


@dataclass(frozen=True)
class ImageStore:
    """One image store of [image] stores: put its id in the place of ID."""

    SECTION: ClassVar[str] = "store:ID"
    description: str = option("", "What `openstack image` tells administrators of it.")
    weight: int = option(0, "An image in several stores is read from the one with the highest weight.")
    directory: str = option("", "filesystem: where the files are; empty: [image] directory.")
    http_prefixes: tuple[str, ...] = option(
        (), "http: beginnings of the URLs that it reads; none: any allowed by web_*."
    )
    s3_endpoint: str = option("", "s3: URL of the service; empty: Amazon's.")
    s3_region: str = option("us-east-1", "s3: the region.")
    s3_bucket: str = option("", "s3: the bucket, which is there already and is nobody else's.")
    s3_access_key: str = option("", "s3: the key's id; empty: as boto3 finds it.")
    s3_secret_key: str = option("", "s3: the key's secret.", secret=True)
    s3_part_mib: int = option(16, "s3: MiB of one part of an upload, which is what one upload holds in memory.")
    swift_auth_url: str = option("", "swift: where its tokens are from: an identity service, or /auth/v1.0.")
    swift_auth_version: str = option("3", "swift: 3, or 1 for its own.", choices=("3", "1"))
    swift_user: str = option("", "swift: the user.")
    swift_password: str = option("", "swift: the user's password.", secret=True)
    swift_project: str = option("", "swift: the user's project, in the domain Default.")
    swift_container: str = option("images", "swift: the container; its segments are in the one with -parts behind.")
    swift_part_mib: int = option(16, "swift: MiB of one segment, which is what one upload holds in memory.")
    rbd_pool: str = option("images", "rbd: the pool.")
    rbd_user: str = option("glance", "rbd: the Ceph user, whose keyring ceph.conf names.")
    rbd_ceph_conf: str = option("/etc/ceph/ceph.conf", "rbd: the cluster's configuration file.")


@dataclass(frozen=True)
class Compute:
    """Compute hosts."""

    SECTION: ClassVar[str] = "compute"
    driver: str = option(
        "libvirt", "Hypervisor driver: a file or folder of iaas/compute/virt/.", choices=("libvirt", "fake")
    )
    state_dir: str = option("/var/lib/iaas/compute", "Instances, image cache and consoles of this host.")
    host_ip: str = option(
        "", "This host for the others: an address, or the network that it is in; empty: as it reaches the broker."
    )
    libvirt_uri: str = option("qemu:///system", "Connection to the hypervisor.")
    virt_type: str = option("auto", "kvm, qemu, or auto: KVM only with a vmx or svm flag AND /dev/kvm.",
                            choices=("auto", "kvm", "qemu"))  # fmt: skip
    reserved_ram_mb: int = option(512, "RAM kept for the host itself, MiB.")
    reserved_disk_gb: int = option(2, "Disk kept for the host itself, GiB.")
    workers: int = option(4, "Orders carried out at once.")
    image_cache_keep: int = option(86400, "Seconds that a cached image stays after its last use.")
    image_cache_low_gb: int = option(
        5, "Free disk, GiB, under which cached images go that no server uses, the least recently used first."
    )
    image_cache_most_gb: int = option(0, "GiB that cached images may take that no server uses; 0: no limit.")
    auto_assign_floating_ip: bool = option(
        False,
        "APIs: a new server gets a floating IP by itself, if a router leads outside; over the quota it is refused.",
    )
    force_config_drive: bool = option(False, "APIs: new and rebuilt servers get a config drive, asked for or not.")
    fake_vcpus: int = option(64, "fake driver: vCPUs of the host.")
    fake_ram_mb: int = option(262144, "fake driver: RAM of the host, MiB.")
    fake_disk_gb: int = option(10000, "fake driver: disk of the host, GiB.")


@dataclass(frozen=True)
class Console:
    """iaas-console: guests' screens in browsers."""

    SECTION: ClassVar[str] = "console"
    listen: str = option("127.0.0.1:6080/", "host:port of the pages and web sockets that show guests' screens.")
    public_url: str = option("", "The same as browsers reach it, e.g. https://console.example; empty: as listened.")
    web: str = option("/usr/share/novnc", "Directory of noVNC's files, as the package novnc has them.")
    state_dir: str = option("/var/lib/iaas/console", "Certificates of this host for compute hosts.")
    host_port: int = option(6079, "Port on which a compute host shows its screens to iaas-console; 0: none.")


@dataclass(frozen=True)
class Scheduler:
    """Placement of servers."""

    SECTION: ClassVar[str] = "scheduler"
    filters: tuple[str, ...] = option(
        (
            "service", "zone", "image_properties", "aggregate_metadata", "different_host", "same_host", "affinity",
            "anti_affinity", "vcpu", "ram", "disk",
        ),
        "Filters in order; files of iaas/scheduler/filters/.",
    )  # fmt: skip
    weighers: tuple[str, ...] = option(
        ("failed_builds", "soft_affinity", "ram", "cpu"),
        "Weighers, the first one decides, the next between equals; files of iaas/scheduler/weighers/. -ram packs.",
    )
    default_availability_zone: str = option("nova", "Zone of the hosts that no aggregate puts into another.")
    cpu_ratio: float = option(16.0, "vCPUs promised per physical CPU.")
    ram_ratio: float = option(1.0, "RAM promised per RAM present.")
    disk_ratio: float = option(1.0, "Disk promised per disk present.")


@dataclass(frozen=True)
class Conductor:
    """Flows and recovery."""

    SECTION: ClassVar[str] = "conductor"
    workers: int = option(4, "Operations advanced at once.")
    lease: int = option(30, "Seconds that a worker holds an operation without renewing.")
    sweep: float = option(1.0, "Seconds between two looks for operations that nobody works on.")
    resend: int = option(10, "Seconds of silence after which a host is asked again.")
    shelved_offload_time: int = option(
        0, "Seconds that a shelved server stays on its host; 0: it leaves at once, -1: when an administrator says so."
    )
    deadline: int = option(600, "Seconds after which an operation is ended as failed and undone.")
    allow_resize_to_same_host: bool = option(False, "A resize may choose the server's own host, too.")
    keep_days: int = option(30, "Days that deleted servers and volumes stay in the database, with their history.")


@dataclass(frozen=True)
class Network:
    """Networks and their agents."""

    SECTION: ClassVar[str] = "network"
    driver: str = option("linuxbridge", "Data plane driver: a file of iaas/network/drivers/.")
    state_dir: str = option("/var/lib/iaas/network", "dnsmasq's files of this host.")
    physical_networks: tuple[str, ...] = option(
        ("physnet1:br-ex",), "physical_network:device pairs of this host: a bridge, or for VLANs alone a NIC."
    )
    tenant_types: tuple[str, ...] = option(
        ("vxlan",), "provider:network_type of networks that name none, in order of preference: vxlan, vlan, local."
    )
    vxlan_range: str = option("1001:65535", "first:last of the VNIs that are given to networks that name none.")
    vlan_ranges: tuple[str, ...] = option(
        (), "physical_network:first:last triples of the VLANs that are given to networks that name none."
    )
    subnet_pool: str = option(
        "10.128.0.0/9", "Where the subnets of automatic networks come from (IPv4); empty: no such networks."
    )
    subnet_prefix: int = option(24, "Prefix length of these subnets.")
    mark: str = option("iaas", "Name of this cloud's nft tables; different for every cloud on one machine.")
    domain: str = option("iaas.internal", "DNS domain of the guests.")
    mtu: int = option(1500, "MTU of the physical network.")
    mac_prefix: str = option("fa:16:3e", "First three octets of generated MAC addresses.")
    metadata_url: str = option("http://127.0.0.1:8775", "Where agents forward metadata requests.")
    interval: float = option(10.0, "Seconds between two full looks of an agent.")
    local_ip: str = option(
        "", "This host's end of tunnels: an address, or the network that it is in (10.0.1.0/24: one file fits every "
        "host); empty: the host's address."
    )  # fmt: skip


@dataclass(frozen=True)
class Volume:
    """Block storage."""

    SECTION: ClassVar[str] = "volume"
    driver: str = option("qcow2", "Back end: a file of iaas/volume/drivers/.")
    state_dir: str = option("/var/lib/iaas/volumes", "Directory of the file back ends.")
    capacity_gb: int = option(0, "Space to offer, GiB; 0: what the file system has.")
    reserved_gb: int = option(1, "Disk that no image is fetched into, GiB.")
    port: int = option(10809, "Where the exports of a volume host listen, for compute hosts only.")


@dataclass(frozen=True)
class Quota:
    """Default limits of a project; -1 is no limit."""

    SECTION: ClassVar[str] = "quota"
    instances: int = option(10, "Servers.")
    cores: int = option(20, "vCPUs.")
    ram: int = option(51200, "RAM, MiB.")
    fixed_ips: int = option(-1, "Addresses of servers.")
    key_pairs: int = option(100, "Key pairs of a user.")
    metadata_items: int = option(128, "Metadata items of a server.")
    server_groups: int = option(10, "Server groups.")
    server_group_members: int = option(10, "Servers of one group.")
    volumes: int = option(10, "Volumes.")
    snapshots: int = option(10, "Snapshots of volumes.")
    gigabytes: int = option(1000, "GiB of volumes and snapshots.")
    networks: int = option(100, "Networks.")
    subnets: int = option(100, "Subnets.")
    ports: int = option(500, "Ports.")
    security_groups: int = option(10, "Security groups.")
    security_group_rules: int = option(100, "Security group rules.")
    routers: int = option(10, "Routers.")
    floatingips: int = option(50, "Floating IPs.")


ALL: tuple[type, ...] = (
    Log, Database, Bus, Auth, SecurityCompliance, Keystone, Api, Image, ImageStore, Compute, Console, Scheduler,
    Conductor, Network, Volume, Quota,
)  # fmt: skip
