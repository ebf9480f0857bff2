"""What must hold in every run, whatever the policy, by theme: each yields a sentence for what does not."""
