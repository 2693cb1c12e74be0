// QEMU's virtio-9p-pci as the device.  No guest runs: through -accel qtest we do what firmware and
// a driver do (PCI configuration, the modern virtio registers), then write the ring in shared
// memory. A kick is a line of text for QEMU, dearer than a guest's; what an empty one costs is
// measured first, and told by kick_overhead().
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <stdexcept>

#include <fmt/format.h>

#include "bench/ring_driver/child.h"
#include "bench/ring_driver/device.h"
#include "bench/ring_driver/ring.h"
#include "virtio/ring_layout.h"

namespace nineroot::bench {
namespace {

constexpr std::uint32_t kSlot = 4;
/// Where the device's registers shall be: free on the machine "pc".
constexpr std::uint64_t kBar = 0xe0000000;

// PCI 3.0, 6.1 and 6.2.5; virtio 1.2, 4.1.4.
constexpr std::uint16_t kConfigAddress = 0xcf8;
constexpr std::uint16_t kConfigData = 0xcfc;
constexpr std::uint32_t kCommand = 0x04;
constexpr std::uint32_t kFirstBar = 0x10;
constexpr std::uint32_t kCapabilities = 0x34;
constexpr std::uint32_t kMemoryAndBusMaster = 6;
constexpr std::uint32_t kVendorCapability = 9;
constexpr std::uint32_t kCommonConfig = 1;
constexpr std::uint32_t kNotifyConfig = 2;

class QemuDevice final : public Device {
 public:
  QemuDevice(const std::string& program, const std::string& tree, GuestMemoryFile& memory)
      : path_((std::filesystem::temp_directory_path() /
               fmt::format("nineroot-ring-{}.qtest", ::getpid()))
                  .string()),
        child_(
            {program,
             "-nodefaults",
             "-display",
             "none",
             "-accel",
             "qtest",
             "-machine",
             "pc,memory-backend=mem",
             "-m",
             fmt::format("{}M", GuestMemoryFile::kSize >> 20U),
             "-object",
             fmt::format("memory-backend-file,id=mem,size={},mem-path=/proc/{}/fd/{},share=on",
                         GuestMemoryFile::kSize, ::getpid(), memory.fd()),
             "-qtest",
             fmt::format("unix:{},server=on,wait=off", path_),
             "-qtest-log",
             "/dev/null",
             "-fsdev",
             fmt::format("local,id=f,path={},security_model=mapped-xattr,multidevs=remap", tree),
             "-device",
             fmt::format("virtio-9p-pci,fsdev=f,mount_tag=root,addr={},disable-legacy=on", kSlot)}),
        socket_(connect_to(path_, child_)) {
    find_registers();
    start_queue();
  }

  ~QemuDevice() override {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }

  void kick() override {
    finish_kick();
    send(kick_line_);
    has_open_kick_ = true;
  }

  void finish_kick() override {
    if (has_open_kick_) {
      (void)receive();
      has_open_kick_ = false;
    }
  }

  std::int64_t interrupts() override { return -1; }

  [[nodiscard]] std::uint64_t cpu() const override { return child_.cpu(); }

 private:
  void send(const std::string& line) {
    if (::send(socket_.get(), line.data(), line.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(line.size())) {
      throw std::runtime_error("QEMU has hung up");
    }
  }

  std::string receive() {
    std::string line;
    for (char letter = 0; letter != '\n';) {
      if (::recv(socket_.get(), &letter, 1, 0) != 1) {
        throw std::runtime_error("QEMU has hung up");
      }
      line += letter;
    }
    if (!line.starts_with("OK")) {
      throw std::runtime_error("QEMU says: " + line);
    }
    return line;
  }

  std::uint64_t command(const std::string& line) {
    finish_kick();
    send(line + "\n");
    const std::string answer = receive();
    return answer.size() > 4 ? std::stoull(answer.substr(3), nullptr, 0) : 0;
  }

  std::uint32_t read_config(std::uint32_t at) {
    command(
        fmt::format("outl {:#x} {:#x}", kConfigAddress, 0x80000000 | (kSlot << 11U) | (at & ~3U)));
    return static_cast<std::uint32_t>(command(fmt::format("inl {:#x}", kConfigData)));
  }

  void write_config(std::uint32_t at, std::uint32_t value) {
    command(fmt::format("outl {:#x} {:#x}", kConfigAddress, 0x80000000 | (kSlot << 11U) | at));
    command(fmt::format("outl {:#x} {:#x}", kConfigData, value));
  }

  void find_registers() {
    std::uint32_t multiplier = 0;
    std::uint32_t bar = 0;
    for (std::uint32_t at = read_config(kCapabilities) & 0xffU; at != 0;) {
      const std::uint32_t head = read_config(at);
      if ((head & 0xffU) == kVendorCapability) {
        const std::uint32_t type = head >> 24U;
        const std::uint32_t offset = read_config(at + 8);
        if (type == kCommonConfig) {
          bar = read_config(at + 4) & 0xffU;
          common_ = kBar + offset;
        } else if (type == kNotifyConfig) {
          notify_ = kBar + offset;
          multiplier = read_config(at + 16);
        }
      }
      at = (head >> 8U) & 0xffU;
    }
    if (common_ == 0 || notify_ == 0) {
      throw std::runtime_error("QEMU's device has no modern virtio registers");
    }
    write_config(kFirstBar + 4 * bar, kBar);
    write_config(kFirstBar + 4 * bar + 4, 0);
    write_config(kCommand, kMemoryAndBusMaster);
    notify_multiplier_ = multiplier;
  }

  void write8(std::uint32_t at, unsigned value) {
    command(fmt::format("writeb {:#x} {:#x}", common_ + at, value));
  }
  void write16(std::uint32_t at, unsigned value) {
    command(fmt::format("writew {:#x} {:#x}", common_ + at, value));
  }
  void write32(std::uint32_t at, std::uint64_t value) {
    command(fmt::format("writel {:#x} {:#x}", common_ + at, value & UINT32_MAX));
  }
  void write64(std::uint32_t at, std::uint64_t value) {
    write32(at, value);
    write32(at + 4, value >> 32U);
  }

  void start_queue() {
    constexpr std::uint64_t kFeatures =
        virtio::kFeatureVersion1 | virtio::kFeatureIndirect | virtio::kFeatureEventIdx;
    constexpr std::uint32_t kStatus = 0x14;
    write8(kStatus, 0);
    write8(kStatus, 1);
    write8(kStatus, 3);
    write32(0x08, 0);
    write32(0x0c, kFeatures);
    write32(0x08, 1);
    write32(0x0c, kFeatures >> 32U);
    write8(kStatus, 0x0b);
    write16(0x16, 0);
    write16(0x18, kRingSize);
    write64(0x20, Ring::kDescriptors);
    write64(0x28, Ring::kAvail);
    write64(0x30, Ring::kUsed);
    const std::uint64_t offset = command(fmt::format("readw {:#x}", common_ + 0x1e));
    write16(0x1c, 1);
    write8(kStatus, 0x0f);
    kick_line_ = fmt::format("writew {:#x} 0\n", notify_ + offset * notify_multiplier_);
  }

  std::string path_;
  Child child_;
  UniqueFd socket_;
  std::uint64_t common_ = 0;
  std::uint64_t notify_ = 0;
  std::uint64_t notify_multiplier_ = 0;
  std::string kick_line_;
  bool has_open_kick_ = false;
};

}  // namespace

std::unique_ptr<Device> start_qemu(const std::string& program, const std::string& tree,
                                   GuestMemoryFile& memory) {
  return std::make_unique<QemuDevice>(program, tree, memory);
}

}  // namespace nineroot::bench
