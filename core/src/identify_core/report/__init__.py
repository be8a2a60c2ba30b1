"""What a person looks at: tables, figures in the house style, and one self-contained page of a run."""
