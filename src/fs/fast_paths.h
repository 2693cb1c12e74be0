// What makes the tree faster and changes nothing that a guest sees; each can be switched off, to
// compare.
#pragma once

namespace nineroot::fs {

struct FastPaths {
  /// Inodes that no fid stands for any more stay known for a moment: a client that does not cache
  /// names (cache=none, mmap) walks to them again and again.
  bool keeps_inodes = true;
  /// Inodes are held by descriptors that can be read where records are xattrs: an O_PATH one costs
  /// thrice as much per xattr.
  bool holds_readable = true;
  /// A file that is opened for reading alone shares its inode's descriptor.
  bool shares_reads = true;
  /// What was read of an inode is remembered though it has only just changed, where the host's
  /// time stamps tell any two changes apart.
  bool trusts_fine_ctime = true;
  /// Files of local file systems are closed at once, by the thread that answers, unless that may
  /// free much or start writing.
  bool closes_at_once = true;
};

}  // namespace nineroot::fs
