// Snapshots, rollback and clones of a machine that does not run, on real file systems, by an
// ordinary user.
#include "vm/dataset/rollback.h"

#include <set>

#include "tests/storage/machine_fixture.h"
#include "vm/dataset/change_data_sets.h"
#include "vm/dataset/clone_machine.h"
#include "vm/dataset/pending_change.h"
#include "vm/dataset/take_snapshot.h"
#include "vm/remove_machine.h"

namespace nineroot::test {
namespace {

namespace fs = std::filesystem;

class Rollback : public MachineTest {
 protected:
  static vm::Snapshot snapshot(const vm::Machine& machine, const std::string& name,
                               std::vector<std::string> data_sets = {}) {
    vm::StorageUse use = use_of(machine);
    auto taken = vm::take_snapshot(
        use, {.name = name, .data_sets = std::move(data_sets), .required = {}}, quiet());
    EXPECT_TRUE(taken) << taken.error().text();
    return taken ? taken->snapshot : vm::Snapshot{};
  }

  static Outcome<vm::RollbackDone> roll_back(const vm::Machine& machine, const std::string& name,
                                             std::vector<std::string> data_sets = {}) {
    vm::StorageUse use = use_of(machine);
    return vm::roll_back(use, {.snapshot = name, .data_sets = std::move(data_sets)}, quiet());
  }

  static void add_data_set(const vm::Machine& machine, const std::string& path) {
    vm::StorageUse use = use_of(machine);
    const auto added = vm::add_data_set(use, path, quiet());
    EXPECT_TRUE(added) << added.error().text();
  }

  static std::vector<std::string> data_sets(const vm::Machine& machine) {
    std::vector<std::string> paths;
    const vm::StorageUse use = use_of(machine);
    for (const vm::DataSet& set : use.catalogue().sets) {
      paths.push_back(set.path);
    }
    return paths;
  }

  static vm::Progress& quiet() {
    static vm::Progress progress(vm::Progress::Style::quiet);
    return progress;
  }

  static void change(const vm::Machine& machine) {
    write(machine.root / "etc/hostname", "changed\n");
    write(machine.root / "home/ann/diary", "tuesday\n");
    write(machine.root / "home/ann/new", "new\n");
    fs::remove_all(machine.root / "var/log/apt");
    write(machine.root / "var/log/syslog", "line\n");
  }
};

TEST_P(Rollback, RestoresTheWholeMachineAndUndoes) {
  as_user([this] {
    const vm::Machine machine = make_machine();
    for (const char* path : {"/home", "/var", "/var/log"}) {
      add_data_set(machine, path);
    }
    EXPECT_EQ(data_sets(machine), (std::vector<std::string>{"/", "/home", "/var", "/var/log"}));
    const auto before = image_of(machine.root);
    EXPECT_EQ(read(machine.root / "var/log/apt/history"), "installed\n");
    snapshot(machine, "one");
    EXPECT_EQ(image_of(machine.root), before);
    change(machine);
    const auto changed = image_of(machine.root);
    const auto done = roll_back(machine, "one");
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_EQ(image_of(machine.root), before);
    EXPECT_FALSE(fs::exists(machine.directory / "work"));
    EXPECT_FALSE(fs::exists(machine.directory / "pending.json"));
    const auto last = vm::last_undo(use_of(machine));
    ASSERT_TRUE(last) << last.error().text();
    EXPECT_EQ(last->name, done->undo);
    ASSERT_TRUE(roll_back(machine, last->name));
    EXPECT_EQ(image_of(machine.root), changed);
    ASSERT_TRUE(roll_back(machine, "one"));
    EXPECT_EQ(image_of(machine.root), before);
    const auto removed = vm::remove_machine(machine);
    EXPECT_TRUE(removed) << removed.error().text();
    EXPECT_TRUE(fs::is_empty(home_ / "machines"));
  });
}

TEST_P(Rollback, RestoresEverySubsetOfTheDataSets) {
  as_user([this] {
    const vm::Machine machine = make_machine();
    const std::vector<std::string> all = {"/", "/home", "/var", "/var/log"};
    const std::map<std::string, std::string> marks = {{"/", "etc/hostname"},
                                                      {"/home", "home/ann/diary"},
                                                      {"/var", "var/mark"},
                                                      {"/var/log", "var/log/apt/history"}};
    write(machine.root / "var/mark", "first\n");
    for (const char* path : {"/home", "/var", "/var/log"}) {
      add_data_set(machine, path);
    }
    for (const auto& [path, file] : marks) {
      write(machine.root / file, "old");
    }
    snapshot(machine, "one");
    for (unsigned subset = 1; subset < 16; ++subset) {
      std::vector<std::string> wanted;
      for (std::size_t i = 0; i < all.size(); ++i) {
        write(machine.root / marks.at(all[i]), "new");
        if ((subset >> i & 1U) != 0) {
          wanted.push_back(all[i]);
        }
      }
      const auto done = roll_back(machine, "one", wanted);
      ASSERT_TRUE(done) << subset << ": " << done.error().text();
      for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(read(machine.root / marks.at(all[i])), (subset >> i & 1U) != 0 ? "old" : "new")
            << subset << " " << all[i];
      }
      EXPECT_EQ(data_sets(machine), all);
      // Room on a small disk.
      const vm::StorageUse use = use_of(machine);
      const auto undo = use.snapshots().find(done->undo);
      ASSERT_TRUE(undo && use.snapshots().remove(*undo));
    }
  });
}

TEST_P(Rollback, BringsTheDataSetsOfThatTimeBack) {
  as_user([this] {
    const vm::Machine machine = make_machine();
    add_data_set(machine, "/home");
    snapshot(machine, "one");
    const auto before = image_of(machine.root);
    {
      vm::StorageUse use = use_of(machine);
      const auto removed = vm::remove_data_set(use, "/home", quiet());
      ASSERT_TRUE(removed) << removed.error().text();
    }
    EXPECT_EQ(image_of(machine.root), before);
    add_data_set(machine, "/var/log");
    // The root alone would come back with an empty /home.
    const auto refused = roll_back(machine, "one", {"/"});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text().find("--dataset /home"), std::string::npos);
    const auto done = roll_back(machine, "one");
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_EQ(data_sets(machine), (std::vector<std::string>{"/", "/home"}));
    EXPECT_EQ(image_of(machine.root), before);
  });
}

TEST_P(Rollback, RefusesWhatWouldHideFiles) {
  as_user([this] {
    const vm::Machine machine = make_machine();
    snapshot(machine, "one");  // /home/ann is in it, as a part of the root.
    add_data_set(machine, "/home");
    const auto refused = roll_back(machine, "one", {"/"});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text().find("data set /home"), std::string::npos)
        << refused.error().text();
    EXPECT_FALSE(fs::exists(machine.directory / "pending.json"));
    EXPECT_EQ(read(machine.root / "home/ann/diary"), "monday\n");
    EXPECT_TRUE(roll_back(machine, "one"));
  });
}

/// Runs the rollback in a process that dies at one step, then looks whether the next command makes
/// a whole of it.  False if the process came to its end.
bool dies_at(const vm::Machine& machine, std::size_t call) {
  const pid_t child = ::fork();
  if (child == 0) {
    static std::size_t left = 0;
    left = call;
    vm::at_change_step = [](const char*, std::size_t) {
      if (left-- == 0) {
        ::_exit(77);
      }
    };
    vm::Progress progress(vm::Progress::Style::quiet);
    auto use = vm::StorageUse::begin(machine);
    const bool is_done =
        use && vm::roll_back(*use, {.snapshot = "one", .data_sets = {}}, progress).has_value();
    ::_exit(is_done ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && (WEXITSTATUS(status) == 77 || WEXITSTATUS(status) == 0))
      << status;
  return WIFEXITED(status) && WEXITSTATUS(status) == 77;
}

TEST_P(Rollback, IsFinishedWhereverItWasKilled) {
  as_user([this] {
    const vm::Machine machine = make_machine();
    for (const char* path : {"/home", "/var", "/var/log"}) {
      add_data_set(machine, path);
    }
    snapshot(machine, "one");
    const auto before = image_of(machine.root);
    std::size_t call = 0;
    for (bool is_killed = true; is_killed; ++call) {
      change(machine);
      const auto changed = image_of(machine.root);
      is_killed = dies_at(machine, call);
      const bool had_begun = !vm::pending_operation(machine.directory).empty();
      {
        const vm::StorageUse next = use_of(machine);
        EXPECT_FALSE(fs::exists(machine.directory / "work"));
        EXPECT_FALSE(fs::exists(machine.directory / "pending.json"));
        // The first call comes before the journal: nothing has happened but the snapshot.
        EXPECT_EQ(image_of(machine.root), call == 0 ? changed : before) << call << had_begun;
        const auto undo = vm::last_undo(next);
        ASSERT_TRUE(undo) << undo.error().text();
        const auto copy = next.snapshots().open_copy(*undo, undo->sets.sets.front());
        ASSERT_TRUE(copy);
        const fs::path path = machine.directory / "snapshots" / undo->name;
        EXPECT_EQ(read(path / "@/etc/hostname"), "changed\n");
        EXPECT_EQ(read(path / "@home/ann/diary"), "tuesday\n");
        ASSERT_TRUE(next.snapshots().remove(*undo));
      }
    }
    EXPECT_GE(call, 7U);
  });
}

TEST_P(Rollback, LeavesNothingOfASnapshotThatWasKilled) {
  as_user([this] {
    const vm::Machine machine = make_machine();
    {
      const vm::StorageUse use = use_of(machine);
      ASSERT_TRUE(use.snapshots().begin("half"));
    }
    const vm::StorageUse use = use_of(machine);
    EXPECT_TRUE(fs::is_empty(machine.directory / "snapshots"));
    EXPECT_TRUE(use.snapshots().list().value().empty());
  });
}

TEST_P(Rollback, ClonesAreMachinesOfTheirOwn) {
  as_user([this] {
    const vm::Machine machine = make_machine();
    add_data_set(machine, "/home");
    snapshot(machine, "one");
    write(machine.root / "home/ann/diary", "tuesday\n");
    std::vector<std::string> notes;
    const auto now = vm::clone_machine(machine, {.snapshot = "", .name = "now"}, quiet(), notes);
    ASSERT_TRUE(now) << now.error().text();
    const auto then =
        vm::clone_machine(machine, {.snapshot = "one", .name = "then"}, quiet(), notes);
    ASSERT_TRUE(then) << then.error().text();
    EXPECT_EQ(read(now->root / "home/ann/diary"), "tuesday\n");
    EXPECT_EQ(read(then->root / "home/ann/diary"), "monday\n");
    EXPECT_EQ(read(then->root / "etc/hostname"), "then\n");
    EXPECT_EQ(read(then->root / "etc/machine-id"), "");
    EXPECT_EQ(read(machine.root / "etc/hostname"), "m\n");
    EXPECT_EQ(data_sets(*then), (std::vector<std::string>{"/", "/home"}));
    // Each goes its own way.
    snapshot(*then, "s");
    write(then->root / "home/ann/diary", "wednesday\n");
    ASSERT_TRUE(roll_back(*then, "s"));
    EXPECT_EQ(read(then->root / "home/ann/diary"), "monday\n");
    const auto same = vm::clone_machine(
        machine, {.snapshot = "one", .name = "same", .keeps_identity = true}, quiet(), notes);
    ASSERT_TRUE(same) << same.error().text();
    EXPECT_EQ(read(same->root / "etc/machine-id"), "0123456789abcdef0123456789abcdef\n");
    for (const vm::Machine& one : {machine, *now, *then, *same}) {
      const auto removed = vm::remove_machine(one);
      EXPECT_TRUE(removed) << removed.error().text();
    }
    EXPECT_TRUE(fs::is_empty(home_ / "machines"));
  });
}

TEST_P(Rollback, FollowsNoSymlinkOutOfTheTree) {
  as_user([this] {
    const vm::Machine machine = make_machine();
    fs::create_directories(machine.root / "srv/a/b");
    fs::create_directory(home_ / "outside");
    add_data_set(machine, "/srv/a/b");
    snapshot(machine, "one", {"/"});
    // As a guest of a plain tree can do it: another way to the data set than its names.
    fs::rename(machine.root / "srv/a", machine.root / "srv/c");
    fs::create_directory_symlink(home_ / "outside", machine.root / "srv/a");
    const auto lost = roll_back(machine, "one");
    ASSERT_FALSE(lost);
    EXPECT_NE(lost.error().text().find("/srv/a/b"), std::string::npos) << lost.error().text();
    snapshot(machine, "two", {"/"});
    fs::remove(machine.root / "srv/a");
    fs::rename(machine.root / "srv/c", machine.root / "srv/a");
    const auto refused = roll_back(machine, "two");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text().find("no place for"), std::string::npos)
        << refused.error().text();
    EXPECT_TRUE(fs::is_empty(home_ / "outside"));
    EXPECT_TRUE(fs::is_directory(machine.root / "srv/a/b"));
  });
}

TEST_P(Rollback, RefusesNamesThatAreNotThere) {
  as_user([this] {
    const vm::Machine machine = make_machine();
    snapshot(machine, "one");
    const auto none = roll_back(machine, "two");
    ASSERT_FALSE(none);
    EXPECT_NE(none.error().text().find("there are: one"), std::string::npos);
    EXPECT_FALSE(roll_back(machine, "../one"));
    EXPECT_FALSE(roll_back(machine, "one", {"/srv"}));
    EXPECT_FALSE(roll_back(machine, "one", {"home"}));
    vm::StorageUse use = use_of(machine);
    EXPECT_FALSE(vm::take_snapshot(use, {.name = "one", .data_sets = {}, .required = {}}, quiet()));
    EXPECT_FALSE(vm::take_snapshot(use, {.name = ".x", .data_sets = {}, .required = {}}, quiet()));
    EXPECT_FALSE(vm::add_data_set(use, "/etc/hostname", quiet()));
    EXPECT_FALSE(vm::add_data_set(use, "/", quiet()));
    EXPECT_FALSE(vm::remove_data_set(use, "/", quiet()));
    const auto second = vm::StorageUse::begin(machine);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().text().find("under way"), std::string::npos);
  });
}

INSTANTIATE_TEST_SUITE_P(OnDisks, Rollback,
                         testing::Values(FileSystemKind{"btrfs", 256}, FileSystemKind{"xfs", 320},
                                         FileSystemKind{"ext4", 64}, FileSystemKind{"tmpfs", 64}),
                         name_of_kind);

}  // namespace
}  // namespace nineroot::test
